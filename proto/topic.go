package proto

import (
	"strconv"
	"strings"
)

// Branch is the last part of a topic: what kind of payload it carries.
type Branch string

// The branches, each up (to the server), down (from it), or both.
const (
	BranchMessage  Branch = "message"  // Message
	BranchService  Branch = "service"  // ServiceMessage
	BranchMark     Branch = "mark"     // Mark
	BranchSync     Branch = "sync"     // SyncRequest, up only
	BranchUnread   Branch = "unread"   // BaseUserUnreadStatics, down only
	BranchTyping   Branch = "typing"   // Typing
	BranchPresence Branch = "presence" // Presence, down only
	BranchSettings Branch = "settings" // Settings
	BranchBlock    Branch = "block"    // Block, up only
	BranchChoice   Branch = "choice"   // Choice, up only
)

// Up is the topic on which a user sends.
func Up(user uint64, b Branch) string { return topic(user, "up", string(b)) }

// Down is the topic on which a user is sent to.
func Down(user uint64, b Branch) string { return topic(user, "down", string(b)) }

// DownFilter is the one wildcard filter that a user may subscribe to.
func DownFilter(user uint64) string { return topic(user, "down", "#") }

func topic(user uint64, direction, last string) string {
	return "chat/" + strconv.FormatUint(user, 10) + "/" + direction + "/" + last
}

// ParseUp splits a topic of the form chat/{user}/up/{branch}. ok is false for
// every other topic, and for a user that is not in canonical decimal.
func ParseUp(name string) (user uint64, b Branch, ok bool) {
	user, b, ok = parse(name, "up")
	switch b {
	case BranchMessage, BranchService, BranchMark, BranchSync, BranchTyping, BranchSettings, BranchBlock, BranchChoice:
		return user, b, ok
	}
	return 0, "", false
}

// ParseDown splits a topic or filter of the form chat/{user}/down/{branch};
// branch may be "#". ok is false for every other.
func ParseDown(name string) (user uint64, b Branch, ok bool) {
	user, b, ok = parse(name, "down")
	switch b {
	case BranchMessage, BranchService, BranchMark, BranchUnread, BranchTyping, BranchPresence, BranchSettings, "#":
		return user, b, ok
	}
	return 0, "", false
}

func parse(name, direction string) (uint64, Branch, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "chat" || parts[2] != direction {
		return 0, "", false
	}
	user, ok := ParseID(parts[1])
	return user, Branch(parts[3]), ok
}

// ParseID parses a uint64 other than 0 in canonical decimal: no sign, no
// leading zero, no space.
func ParseID(s string) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || s[0] == '0' || s[0] == '+' {
		return 0, false
	}
	return n, true
}
