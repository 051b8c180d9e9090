package attachment

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"parley/proto"
)

// picture is one of 30 x 20 pixels in the form that encode writes.
func picture(t testing.TB, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewPaletted(image.Rect(0, 0, 30, 20), color.Palette{color.Black, color.White})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(width, height uint32) []byte {
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), make([]byte, 10_000)...)
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	return b
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }

func asGIF(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }

func TestWhatAContentIsIsReadFromItsBeginning(t *testing.T) {
	photo := picture(t, asJPEG)
	exif := append([]byte("\xff\xd8\xff\xe1\xff\xff"), make([]byte, 0xfffd)...) // a segment as long as one can be
	exif = append(exif, photo[2:]...)
	animated := append(picture(t, asGIF)[:13], bytes.Repeat([]byte("\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"), 30_000)...)
	const riff = "RIFF\x00\x00\x00\x00"
	box := func(kind, content string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))) + kind + content
	}
	frame := "\xff\xfb\x90\x00" + strings.Repeat("\x00", 413) // 128 kbit/s at 44.1 kHz: 417 bytes
	for _, test := range []struct {
		name    string
		content string
		want    media
	}{
		{"PNG", string(picture(t, png.Encode)), media{"image/png", 30, 20}},
		{"JPEG", string(photo), media{"image/jpeg", 30, 20}},
		{"JPEG behind 64 KiB of Exif", string(exif), media{"image/jpeg", 30, 20}},
		{"GIF", string(picture(t, asGIF)), media{"image/gif", 30, 20}},
		{"a GIF of many frames", string(animated), media{"image/gif", 30, 20}},
		{"WebP, lossy", riff + "WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x1e\x00\x14\x00", media{"image/webp", 30, 20}},
		{"WebP, lossless", riff + "WEBPVP8L\x00\x00\x00\x00\x2f\x1d\xc0\x04\x00" + "\x00\x00\x00\x00\x00", media{"image/webp", 30, 20}},
		{"WebP, extended", riff + "WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x13\x00\x00", media{"image/webp", 30, 20}},
		{"AVIF", box("ftyp", "avif\x00\x00\x00\x00") + box("meta", box("ispe", "\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x08")+box("ispe", "\x00\x00\x00\x00\x00\x00\x00\x1e\x00\x00\x00\x14")), media{"image/avif", 30, 20}},
		{"Ogg Opus", "OggS" + strings.Repeat("\x00", 24) + "OpusHead", media{mediaType: "audio/ogg"}},
		{"WebM with a sound", "\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + "A_OPUS", media{mediaType: "audio/webm"}},
		{"MP4 with a sound", box("ftyp", "M4A \x00\x00\x00\x00") + box("moov", "soun"), media{mediaType: "audio/mp4"}},
		{"MP3 with a tag", "ID3\x04\x00\x00\x00\x00\x00\x00\x00\x00", media{mediaType: "audio/mpeg"}},
		{"MP3", frame + frame, media{mediaType: "audio/mpeg"}},
		{"WAV", riff + "WAVEfmt ", media{mediaType: "audio/wav"}},

		{"nothing", "", media{mediaType: proto.PlainMediaType}},
		{"HTML", "<!doctype html><script>alert(1)</script>", media{mediaType: proto.PlainMediaType}},
		{"SVG with a script", `<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`, media{mediaType: proto.PlainMediaType}},
		{"HTML that begins as a GIF does", "GIF89a", media{mediaType: proto.PlainMediaType}},
		{"a program", "MZ\x90\x00", media{mediaType: proto.PlainMediaType}},
		{"a zip of zips", "PK\x03\x04", media{mediaType: proto.PlainMediaType}},
		{"PDF", "%PDF-1.7", media{mediaType: proto.PlainMediaType}},
		{"60,000 by 60,000 pixels in 10 KiB", string(pngOf(60_000, 60_000)), media{mediaType: proto.PlainMediaType}},
		{"a line of pixels", string(pngOf(16_385, 1)), media{mediaType: proto.PlainMediaType}},
		{"no pixels", string(pngOf(0, 5)), media{mediaType: proto.PlainMediaType}},
		{"the most pixels", string(pngOf(8192, 8192)), media{"image/png", 8192, 8192}},
		{"WebM with a picture", "\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + "A_OPUS V_VP9", media{mediaType: proto.PlainMediaType}},
		{"MP4 with a picture", box("ftyp", "mp42\x00\x00\x00\x00") + box("moov", "soun vide"), media{mediaType: proto.PlainMediaType}},
		{"one frame, then something else", frame + "<script>", media{mediaType: proto.PlainMediaType}},
		{"Ogg with a picture", "OggS" + strings.Repeat("\x00", 24) + "\x80theora", media{mediaType: proto.PlainMediaType}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := mediaOf([]byte(test.content)); got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzMediaOf(f *testing.F) {
	for _, b := range [][]byte{picture(f, png.Encode), picture(f, asJPEG), picture(f, asGIF), pngOf(1, 1), []byte("RIFF....WEBPVP8X"), []byte("....ftypavif....ispe"), []byte("\xff\xd8\xff\xff\xff")} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if m := mediaOf(b); m.width > maxSide || m.height > maxSide || m.width > 0 != proto.IsPicture(m.mediaType) {
			t.Errorf("%+v", m)
		}
	})
}
