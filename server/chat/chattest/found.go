package chattest

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"parley/proto"
	"parley/server/chat"
)

// found returns copies of the entries of all conversations that are wanted, by their ids. It walks, which is well
// enough in memory.
func (v memoryView) found(wanted func(id uint64) bool) (all []chat.Entry) {
	keys := make(map[proto.Key]bool)
	for s := v.s; s != nil; s = s.base {
		for key := range s.entries {
			keys[key] = true
		}
	}
	for key := range maps.Keys(keys) {
		for _, e := range v.entries(key) {
			if wanted(e.ID) {
				e.Body, e.Mentions = bytes.Clone(e.Body), nil
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(x, y chat.Entry) int { return cmp.Compare(x.ID, y.ID) })
	return all
}

func (v memoryView) ByID(after, before uint64, limit int, newest bool) ([]chat.Entry, error) {
	all := v.found(func(id uint64) bool { return id > after && (before == 0 || id < before) })
	n := min(len(all), max(0, limit))
	if newest {
		return all[len(all)-n:], nil
	}
	return all[:n], nil
}

func (v memoryView) WithIDs(ids []uint64) ([]chat.Entry, error) {
	return v.found(func(id uint64) bool { return slices.Contains(ids, id) }), nil
}

func (v memoryView) Groups(user uint64) (groups []proto.Key, err error) {
	for _, key := range v.joined(user) {
		if v.member(memberKey{key, user}).From != 0 && !slices.Contains(groups, key) {
			groups = append(groups, key)
		}
	}
	slices.SortFunc(groups, func(x, y proto.Key) int { return strings.Compare(x.String(), y.String()) })
	return groups, nil
}
