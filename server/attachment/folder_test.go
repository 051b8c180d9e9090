package attachment_test

import (
	"path/filepath"
	"testing"

	"parley/server/attachment"
	"parley/server/attachment/attachmenttest"
)

func TestAFolderKeepsWhatAStoreMust(t *testing.T) {
	attachmenttest.Run(t, func(t *testing.T) attachment.Store {
		return attachment.NewFolder(filepath.Join(t.TempDir(), "deep", "down"))
	})
}
