// Package s3 holds attachments on an S3-compatible store against what every store must keep.
// It is of its own so that the fake one stays out of the product's modules.
package s3
