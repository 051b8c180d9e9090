package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"parley/server/attachment"
)

// attachmentsFolder is the folder in the data folder for what users upload, and scratchFolder
// the one for what is on its way to S3.
const (
	attachmentsFolder = "attachments"
	scratchFolder     = "uploads"
)

// openAttachments opens the place that keeps what users upload.
func (o *options) openAttachments(log *slog.Logger) (attachment.Store, error) {
	if strings.Contains(o.attachments, "://") {
		s, err := attachment.OpenS3(o.attachments, filepath.Join(o.data, scratchFolder), os.Getenv)
		if err != nil {
			return nil, fmt.Errorf("-attachments: %w", err)
		}
		return s, nil
	}
	place := o.attachments
	if place == "" {
		place = filepath.Join(o.data, attachmentsFolder)
		if o.db != "" {
			log.Warn("what users send as files is kept on this machine: other servers of the same history do not have it, give all of them the same -attachments, a shared folder or s3://HOST/BUCKET", "folder", place)
		}
	}
	return attachment.NewFolder(place), nil
}
