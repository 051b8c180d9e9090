package chattest

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"parley/server/chat"
)

type deviceKey struct{ user, id uint64 }

type codeKey struct {
	user uint64
	kind chat.CodeKind
}

// rows returns the rows of a state and its base, to be read only.
func rows[K, V comparable](s *memoryState, in func(*memoryState) map[K]V) map[K]V {
	if s.base == nil {
		return in(s)
	}
	all := maps.Clone(in(s.base))
	replace(all, in(s))
	return all
}

func (v memoryView) devices() map[deviceKey]chat.Device {
	return rows(v.s, func(s *memoryState) map[deviceKey]chat.Device { return s.devices })
}

func (v memoryView) codes() map[codeKey]chat.Code {
	return rows(v.s, func(s *memoryState) map[codeKey]chat.Code { return s.codes })
}

func (v memoryView) Device(user, id uint64) (chat.Device, error) {
	return v.devices()[deviceKey{user, id}], nil
}

func (v memoryView) Devices(user uint64) (devices []chat.Device, err error) {
	for k, d := range v.devices() {
		if k.user == user {
			devices = append(devices, d)
		}
	}
	slices.SortFunc(devices, func(x, y chat.Device) int { return cmp.Compare(x.ID, y.ID) })
	return devices, nil
}

func (v memoryView) ExpiredDevices(before uint64, limit int) (expired []chat.Device, err error) {
	for _, d := range v.devices() {
		if d.Expires < before {
			expired = append(expired, d)
		}
	}
	slices.SortFunc(expired, func(x, y chat.Device) int {
		return cmp.Or(cmp.Compare(x.Expires, y.Expires), cmp.Compare(x.User, y.User), cmp.Compare(x.ID, y.ID))
	})
	return expired[:min(len(expired), max(0, limit))], nil
}

func (v memoryView) Code(hash [chat.CodeHash]byte) (chat.Code, error) {
	for _, c := range v.codes() {
		if c.Hash == hash {
			return c, nil
		}
	}
	return chat.Code{}, nil
}

func (v memoryView) CodeOf(user uint64, kind chat.CodeKind) (chat.Code, error) {
	return v.codes()[codeKey{user, kind}], nil
}

func (t memoryTx) PutDevice(d chat.Device) error {
	t.s.devices[deviceKey{d.User, d.ID}] = d
	return nil
}

func (t memoryTx) DeleteDevice(user, id uint64) error {
	t.s.devices[deviceKey{user, id}] = chat.Device{}
	return nil
}

func (t memoryTx) PutCode(c chat.Code) error {
	if other, _ := t.Code(c.Hash); other.User != 0 && (other.User != c.User || other.Kind != c.Kind) {
		return errors.New("write code: its hash is taken")
	}
	t.s.codes[codeKey{c.User, c.Kind}] = c
	return nil
}

func (t memoryTx) DeleteCode(user uint64, kind chat.CodeKind) error {
	t.s.codes[codeKey{user, kind}] = chat.Code{}
	return nil
}
