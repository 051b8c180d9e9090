package proto

// Archived reports whether a conversation with a newest entry at head is out of its
// user's list, who archived it when that was at through; 0 if they did not. Whatever
// is new brings it back, unless it is muted.
func Archived(through, head uint64, muted bool) bool {
	return through > 0 && (muted || head <= through)
}
