//go:build unix

package cluster

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/proto"
	"parley/server/e2e/live"
	"parley/server/e2e/s3"
)

// newClusterWithFiles starts three nodes that keep files in a bucket. The first leads: it deletes
// what is due.
func newClusterWithFiles(t *testing.T) (*cluster, *s3.Bucket) {
	t.Helper()
	bucket := s3.NewBucket(t)
	options := []string{"-attachments", bucket.Address}
	c := newCluster(t, 1, options...)
	for range 2 {
		if err := c.add(options).Start(); err != nil {
			t.Fatal(err)
		}
	}
	return c, bucket
}

// transfer asks a node about an upload or an attachment.
func (c *cluster) transfer(node int, method, path string, who live.Guest, body string, header ...string) live.Answer {
	c.Helper()
	answer, err := c.nodes[node].Client().Transfer(c.Context(), method, path, who.Token, []byte(body), header...)
	if err != nil {
		c.Fatal(err)
	}
	return answer
}

// upload is one that is under way.
type upload struct {
	*cluster
	of      live.Guest
	content string
	id      uint64
}

// begin begins an upload at a node, with a file's name.
func (c *cluster) begin(node int, of live.Guest, name, content string) *upload {
	c.Helper()
	begun := c.transfer(node, "POST", "/api/uploads", of, "", "Upload-Length", strconv.Itoa(len(content)), "Upload-Metadata", metadata(name))
	location := begun.Header.Get("Location")
	id, ok := proto.ParseID(location[strings.LastIndexByte(location, '/')+1:])
	if begun.Status != http.StatusCreated || !ok {
		c.Fatalf("an upload is answered with %d %v %s", begun.Status, begun.Header, begun.Body)
	}
	return &upload{c, of, content, id}
}

func (u *upload) path() string       { return fmt.Sprint("/api/uploads/", u.id) }
func (u *upload) attachment() string { return fmt.Sprint("/api/attachments/", u.id) }

// sends sends a part through a node, which must take it.
func (u *upload) sends(node, from, to int) {
	u.Helper()
	if a := u.transfer(node, "PATCH", u.path(), u.of, u.content[from:to], "Upload-Offset", strconv.Itoa(from)); a.Status != http.StatusNoContent {
		u.Fatalf("node %d does not take bytes %d to %d: %d %s", node, from, to, a.Status, a.Body)
	}
}

// stands wants an upload to be so far, as a node knows.
func (u *upload) stands(node, offset int) {
	u.Helper()
	if a := u.transfer(node, "HEAD", u.path(), u.of, ""); a.Status != http.StatusOK || a.Header.Get("Upload-Offset") != strconv.Itoa(offset) {
		u.Errorf("at node %d it stands at %q (%d), want %d", node, a.Header.Get("Upload-Offset"), a.Status, offset)
	}
}

// served wants each node that runs to answer somebody who asks for the content with a status.
func (u *upload) served(to live.Guest, status int) {
	u.Helper()
	for i, n := range u.nodes {
		if !n.Runs() {
			continue
		}
		if a := u.transfer(i, "GET", u.attachment(), to, ""); a.Status != status || status == http.StatusOK && a.Body != u.content {
			u.Errorf("node %d serves %d bytes with %d, want %d", i, len(a.Body), a.Status, status)
		}
	}
}

// message is one that names the upload.
func (u *upload) message(to uint64, caption string) *proto.Message {
	m := message(to, caption, newRef())
	m.MessageType = proto.MessageType_MESSAGE_TYPE_FILE.Enum()
	m.Attachments = []*proto.Attachment{{AttachmentId: &u.id}}
	return m
}

// recall is a message that takes back an earlier one.
func recall(to, target uint64) *proto.Message {
	m := message(to, "", newRef())
	m.MessageType, m.TargetSeq = proto.MessageType_MESSAGE_TYPE_RECALL.Enum(), &target
	return m
}

// An upload begins at one node, which is killed before it can tell how far it is, goes on at the
// others, is sent through one and read at another; and is gone at all once it was taken back.
func TestAFileGoesUpThroughSomeNodesAndDownThroughOthers(t *testing.T) {
	c, bucket := newClusterWithFiles(t)
	ada, bob := c.guest(0, "Ada"), c.guest(1, "Bob")
	a, b := c.connect(0, ada), c.connect(2, bob)
	u := c.begin(1, ada, "data.bin", strings.Repeat("0123456789", 90_000))
	u.sends(1, 0, 300_000)
	u.stands(2, 300_000)
	u.served(ada, http.StatusForbidden) // as long as a part is missing, also to whoever sends it
	u.served(bob, http.StatusForbidden)

	kept := bucket.KeepMutely()
	answered := make(chan error, 1)
	go func() { // ends with the node
		_, err := c.nodes[1].Client().Transfer(t.Context(), "PATCH", u.path(), ada.Token, []byte(u.content[300_000:600_000]), "Upload-Offset", "300000")
		answered <- err
	}()
	within(t, "the part to be in the bucket", kept)
	if err := c.nodes[1].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := within(t, "the answer", answered); err == nil {
		t.Error("a node that was killed answered")
	}
	u.stands(0, 300_000) // nobody was told of more
	u.sends(0, 300_000, 500_000)
	u.stands(2, 500_000)
	u.served(ada, http.StatusForbidden)
	balanced := live.Client{Server: c.balancer()}
	rest, err := balanced.Transfer(t.Context(), "PATCH", u.path(), ada.Token, []byte(u.content[500_000:]), "Upload-Offset", "500000")
	if err != nil || rest.Status != http.StatusNoContent {
		t.Fatalf("through the balancer: %d %s, %v", rest.Status, rest.Body, err)
	}
	u.served(ada, http.StatusOK)
	u.served(bob, http.StatusForbidden) // nobody sent it

	if got, err := a.publish(t.Context(), proto.BranchMessage, u.message(bob.ID, "the data")); err != nil || got.code != 0 {
		t.Fatalf("0x%02X, %v", got.code, err)
	}
	b.until(t, "the message came", func() bool {
		return len(b.messages) == 1 && b.messages[0].GetAttachments()[0].GetName() == "data.bin" && b.messages[0].GetAttachments()[0].GetSize() == uint64(len(u.content))
	})
	u.served(bob, http.StatusOK)
	if some := c.transfer(2, "GET", u.attachment(), bob, "", "Range", "bytes=299990-600009"); some.Status != http.StatusPartialContent || some.Body != u.content[299_990:600_010] {
		t.Errorf("a range is answered with %d and %d bytes", some.Status, len(some.Body))
	}
	if err := c.nodes[1].Start(); err != nil {
		t.Fatal(err)
	}
	u.served(bob, http.StatusOK)
	for i, n := range c.nodes {
		if left, err := os.ReadDir(filepath.Join(n.Data, "uploads")); err != nil || len(left) > 0 {
			t.Errorf("node %d keeps parts that were on their way: %v, %v", i, left, err)
		}
	}

	if got, err := a.publish(t.Context(), proto.BranchMessage, recall(bob.ID, 1)); err != nil || got.code != 0 {
		t.Fatalf("0x%02X, %v", got.code, err)
	}
	u.served(bob, http.StatusForbidden)
	c.until("nothing is left in the bucket", func() error {
		if left := bucket.Objects(); len(left) > 0 {
			return errors.New(fmt.Sprint(len(left), " objects"))
		}
		return nil
	})
	u.served(ada, http.StatusForbidden) // whose it was
}

// metadata names an upload's file, as tus wants it.
func metadata(name string) string {
	return "filename " + base64.StdEncoding.EncodeToString([]byte(name))
}
