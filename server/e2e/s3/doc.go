// Package s3 is an S3-compatible store for tests, which can be away, and holds attachments on
// it against what every store must keep. The fake one is here so that it stays out of the
// product's modules.
package s3
