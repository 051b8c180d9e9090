package bridge

import (
	"parley/proto"
	"parley/wasm/chat"
)

// files reads what a message is to carry.
func (c *command) files(name string) (files []chat.DraftFile) {
	list, ok := c.fields[name].([]any)
	if !ok || len(list) > proto.MaxAttachments {
		c.wrong(name, "an array of at most 10 files")
		return nil
	}
	for _, v := range list {
		fields, ok := v.(record)
		if !ok {
			c.wrong(name, "an array of objects")
			return nil
		}
		f := &command{fields: fields}
		files = append(files, chat.DraftFile{
			Key: f.text("key"), ID: f.uint("id"), Name: f.text("name"), MediaType: f.text("mediaType"), Size: f.whole("size"), Width: f.whole("width"), Height: f.whole("height"),
			Preview: f.binary("preview"), Duration: f.whole("duration"), Waveform: f.binary("waveform"),
		})
		if f.err != nil {
			c.err = f.err
			return nil
		}
	}
	return files
}

// whole reads a Number that is a whole one, as of bytes or pixels.
func (c *command) whole(name string) uint64 {
	const most = 1 << 53
	v := c.number(name)
	if !(v >= 0 && v <= most) || v != float64(uint64(v)) {
		c.wrong(name, "a whole number, not below 0")
		return 0
	}
	return uint64(v)
}

func (c *command) binary(name string) []byte {
	v, ok := c.fields[name].([]byte)
	if !ok {
		c.wrong(name, "a Uint8Array")
	}
	return v
}
