package attachment

import (
	"bytes"
	"encoding/binary"

	"parley/proto"
)

const (
	// headSize is how much of a content is looked at to tell what it is.
	headSize = 512 << 10
	// maxSide and maxPixels bound the pictures that are shown as such: what a browser needs
	// to decode one is four bytes a pixel.
	maxSide   = 16_384
	maxPixels = 64 << 20
)

// media is what a content is.
type media struct {
	mediaType     string
	width, height uint32 // of a picture, in pixels; else 0
}

// mediaOf tells what a content is from its beginning. What is not known for sure to be a
// picture or a sound that browsers only show and play is application/octet-stream, and so is a
// picture that is too large, or that does not say how large it is.
func mediaOf(head []byte) media {
	m := media{mediaType: proto.PlainMediaType}
	for _, kind := range []struct {
		mediaType string
		size      func([]byte) (width, height uint32)
	}{
		{"image/png", pngSize}, {"image/jpeg", jpegSize}, {"image/gif", gifSize}, {"image/webp", webpSize}, {"image/avif", avifSize},
	} {
		if w, h := kind.size(head); w > 0 && h > 0 && w <= maxSide && h <= maxSide && uint64(w)*uint64(h) <= maxPixels {
			return media{kind.mediaType, w, h}
		}
	}
	for _, kind := range []struct {
		mediaType string
		is        func([]byte) bool
	}{
		{"audio/ogg", isOgg}, {"audio/webm", isWebM}, {"audio/mp4", isMP4}, {"audio/mpeg", isMPEG}, {"audio/wav", isWave},
	} {
		if kind.is(head) {
			m.mediaType = kind.mediaType
		}
	}
	return m
}

// has reports whether b has a text at a place.
func has(b []byte, at int, text string) bool {
	return len(b) >= at+len(text) && string(b[at:at+len(text)]) == text
}

// pngSize reads the IHDR chunk, which is the first (PNG, 5.6).
func pngSize(b []byte) (width, height uint32) {
	if !has(b, 0, "\x89PNG\r\n\x1a\n") || !has(b, 12, "IHDR") || len(b) < 24 {
		return 0, 0
	}
	return binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
}

// gifSize reads the logical screen descriptor (GIF89a, 18).
func gifSize(b []byte) (width, height uint32) {
	if !has(b, 0, "GIF87a") && !has(b, 0, "GIF89a") || len(b) < 10 {
		return 0, 0
	}
	return uint32(binary.LittleEndian.Uint16(b[6:])), uint32(binary.LittleEndian.Uint16(b[8:]))
}

// jpegSize walks the markers to the frame header (T.81, B.2.2).
func jpegSize(b []byte) (width, height uint32) {
	if !has(b, 0, "\xff\xd8\xff") {
		return 0, 0
	}
	for at := 2; at+9 <= len(b) && b[at] == 0xff; {
		marker := b[at+1]
		switch {
		case marker == 0xff: // fill
			at++
			continue
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd8: // without a length
			at += 2
			continue
		case marker == 0xd9 || marker == 0xda: // the end, or the scan: there was no frame
			return 0, 0
		case marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			return uint32(binary.BigEndian.Uint16(b[at+7:])), uint32(binary.BigEndian.Uint16(b[at+5:]))
		}
		at += 2 + max(2, int(binary.BigEndian.Uint16(b[at+2:])))
	}
	return 0, 0
}

// webpSize reads the first chunk (RFC 9649, 2.5 to 2.7).
func webpSize(b []byte) (width, height uint32) {
	if !has(b, 0, "RIFF") || !has(b, 8, "WEBP") || len(b) < 30 {
		return 0, 0
	}
	switch string(b[12:16]) {
	case "VP8 ":
		if has(b, 23, "\x9d\x01\x2a") {
			return uint32(binary.LittleEndian.Uint16(b[26:]) & 0x3fff), uint32(binary.LittleEndian.Uint16(b[28:]) & 0x3fff)
		}
	case "VP8L":
		if b[20] == 0x2f {
			bits := binary.LittleEndian.Uint32(b[21:])
			return bits&0x3fff + 1, bits>>14&0x3fff + 1
		}
	case "VP8X":
		return 1 + uint32(b[24]) + uint32(b[25])<<8 + uint32(b[26])<<16, 1 + uint32(b[27]) + uint32(b[28])<<8 + uint32(b[29])<<16
	}
	return 0, 0
}

// avifSize finds the largest image spatial extents property (ISO/IEC 23008-12, 6.5.3).
func avifSize(b []byte) (width, height uint32) {
	if !has(b, 4, "ftypavif") && !has(b, 4, "ftypavis") {
		return 0, 0
	}
	for rest := b; ; {
		at := bytes.Index(rest, []byte("ispe"))
		if at < 0 || len(rest) < at+16 {
			return width, height
		}
		if w, h := binary.BigEndian.Uint32(rest[at+8:]), binary.BigEndian.Uint32(rest[at+12:]); uint64(w)*uint64(h) > uint64(width)*uint64(height) {
			width, height = w, h
		}
		rest = rest[at+16:]
	}
}

func isOgg(b []byte) bool {
	first := b[:min(len(b), 512)]
	return has(b, 0, "OggS") && (bytes.Contains(first, []byte("OpusHead")) || bytes.Contains(first, []byte("\x01vorbis")))
}

// isWebM reports WebM without a video track, whose codec would be V_…
func isWebM(b []byte) bool {
	return has(b, 0, "\x1a\x45\xdf\xa3") && bytes.Contains(b[:min(len(b), 64)], []byte("webm")) &&
		bytes.Contains(b, []byte("A_")) && !bytes.Contains(b, []byte("V_VP")) && !bytes.Contains(b, []byte("V_AV1")) && !bytes.Contains(b, []byte("V_MPEG"))
}

// isMP4 reports MP4 with a sound track and no video track, as far as its beginning tells.
func isMP4(b []byte) bool {
	if !has(b, 4, "ftyp") || len(b) < 12 {
		return false
	}
	switch string(b[8:12]) {
	case "M4A ", "M4B ", "mp41", "mp42", "isom", "iso2", "iso5", "iso6", "dash", "3gp4", "3gp5":
		return bytes.Contains(b, []byte("soun")) && !bytes.Contains(b, []byte("vide"))
	}
	return false
}

// isMPEG reports MPEG audio: an ID3v2 tag, or a frame of layer III that another follows.
func isMPEG(b []byte) bool {
	if has(b, 0, "ID3") && len(b) > 10 {
		return b[3] < 0xff && b[4] < 0xff
	}
	length := mpegFrame(b)
	return length > 0 && len(b) > length+4 && mpegFrame(b[length:]) > 0
}

// mpegFrame returns how many bytes a frame of layer III has (ISO/IEC 11172-3, 2.4.2.3), 0 if
// b does not begin with one.
func mpegFrame(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe6 != 0xe2 || b[1]>>3&3 == 1 {
		return 0
	}
	rates := [...]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
	frequencies, samples := [...]int{44100, 48000, 32000, 0}, 144
	if version := b[1] >> 3 & 3; version != 3 { // MPEG 2, 2.5
		rates = [...]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
		frequencies, samples = [...]int{22050, 24000, 16000, 0}, 72
		if version == 0 {
			frequencies = [...]int{11025, 12000, 8000, 0}
		}
	}
	rate, frequency := rates[b[2]>>4], frequencies[b[2]>>2&3]
	if rate == 0 || frequency == 0 {
		return 0
	}
	return samples*rate*1000/frequency + int(b[2]>>1&1)
}

func isWave(b []byte) bool { return has(b, 0, "RIFF") && has(b, 8, "WAVE") }
