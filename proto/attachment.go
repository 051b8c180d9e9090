package proto

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxAttachments is how many attachments an entry names at most.
	MaxAttachments = 10
	// MaxFileName is the longest name of an attachment, in bytes of UTF-8.
	MaxFileName = 255
	// MaxPreviewSide is the longest side of Attachment.preview, in pixels: less than 1 KiB in all.
	MaxPreviewSide = 18
	// MaxWaveform is the longest Attachment.waveform, in bytes, and MaxDuration the longest
	// Attachment.duration, in milliseconds.
	MaxWaveform = 128
	MaxDuration = 3_600_000
	// PlainMediaType is that of what is served as a download, whatever it is.
	PlainMediaType = "application/octet-stream"
)

// inline are the media types of what is served inline: images and sounds of which no browser
// makes a program.
var inline = []string{
	"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif",
	"audio/ogg", "audio/webm", "audio/mp4", "audio/mpeg", "audio/wav",
}

// IsPicture reports whether a media type is that of an image that is served inline.
func IsPicture(mediaType string) bool {
	return strings.HasPrefix(mediaType, "image/") && slices.Contains(inline, mediaType)
}

// IsSound reports whether a media type is that of a sound that is served inline.
func IsSound(mediaType string) bool {
	return strings.HasPrefix(mediaType, "audio/") && slices.Contains(inline, mediaType)
}

// Carries reports whether entries of a type name attachments.
func (t MessageType) Carries() bool {
	switch t {
	case MessageType_MESSAGE_TYPE_IMAGE, MessageType_MESSAGE_TYPE_FILE, MessageType_MESSAGE_TYPE_VOICE:
		return true
	}
	return false
}

// AttachmentNames is the content of an entry without a caption: what programs show that do
// not know of attachments. static/model/attachments.js has the same rule.
func AttachmentNames(attachments []*Attachment) string {
	names := make([]string, len(attachments))
	for i, a := range attachments {
		names[i] = a.GetName()
	}
	return strings.Join(names, ", ")
}

// CheckAttachments refuses, for good, what can be refused of an entry's attachments without
// knowing of uploads. The error is a *Refusal.
func CheckAttachments(t MessageType, attachments []*Attachment) error {
	switch n := len(attachments); {
	case n > 0 && !t.Carries():
		return Refuse(PayloadFormatInvalid, "attachments: entries of message_type %d have none, send an image (1), a file (2) or a voice message (3)", t)
	case n > MaxAttachments:
		return Refuse(PayloadFormatInvalid, "attachments: %d are too many, at most %d go with one message: send several", n, MaxAttachments).Named("too-many-attachments", MaxAttachments)
	case n > 1 && t == MessageType_MESSAGE_TYPE_VOICE:
		return Refuse(PayloadFormatInvalid, "attachments: a voice message has one")
	}
	seen := make(map[uint64]bool)
	for _, a := range attachments {
		preview := a.GetPreview()
		switch {
		case a.GetAttachmentId() == 0 || seen[a.GetAttachmentId()]:
			return Refuse(PayloadFormatInvalid, "attachments: attachment_id is 0 or there twice: name each upload once")
		case len(preview) > 0 && !isPreview(preview):
			return Refuse(PayloadFormatInvalid, "attachments: preview is not a width and a height of 1 to %d and three bytes for each pixel", MaxPreviewSide)
		case len(a.GetWaveform()) > MaxWaveform || a.GetDuration() > MaxDuration:
			return Refuse(PayloadFormatInvalid, "attachments: waveform has more than %d bytes, or duration is more than %d ms", MaxWaveform, MaxDuration)
		}
		seen[a.GetAttachmentId()] = true
	}
	return nil
}

func isPreview(p []byte) bool {
	if len(p) < 2 || p[0] < 1 || p[1] < 1 || p[0] > MaxPreviewSide || p[1] > MaxPreviewSide {
		return false
	}
	return len(p) == 2+3*int(p[0])*int(p[1])
}

// CleanFileName makes of what a client calls a file a name that is one everywhere: no path,
// nothing that cannot be seen or that turns what is written around, at most MaxFileName bytes
// of which the extension is kept, and not empty.
func CleanFileName(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.Is(unicode.Cc, r) || unicode.In(r, unicode.Zl, unicode.Zp) || strings.ContainsRune(`<>:"|?*`, r):
			return -1
		case r != 0x200C && r != 0x200D && Invisible(r) && !unicode.Is(unicode.Variation_Selector, r): // but joiners, of letters and emoji
			return -1
		case unicode.Is(unicode.White_Space, r):
			return ' '
		}
		return r
	}, name)
	if name = strings.Trim(name, " ."); len(name) > MaxFileName {
		extension := ""
		if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 16 {
			extension = name[i:]
		}
		name = strings.TrimRight(cut(name, MaxFileName-len(extension)), " .") + extension
	}
	if IsBlank(name) {
		return "file"
	}
	return name
}

// cut returns the longest beginning of a text that has at most so many bytes and ends between
// two characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
