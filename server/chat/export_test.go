package chat

// PruneIndex is what Run does after it has deleted what is too old.
var PruneIndex = (*Service).pruneIndex
