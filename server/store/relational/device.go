package relational

import (
	"fmt"

	"parley/server/chat"
)

const deviceColumns = "user_id, id, label, last_seen, expires, ended"

// devices reads devices, with deviceColumns.
func (v *View) devices(query string, args ...any) (devices []chat.Device, err error) {
	if err := v.ctx.Err(); err != nil {
		return nil, err
	}
	err = v.Rows(func(row Row) error {
		var d chat.Device
		err := row.Scan((*Number)(&d.User), (*Number)(&d.ID), &d.Label, (*Number)(&d.LastSeen), (*Number)(&d.Expires), &d.Ended)
		devices = append(devices, d)
		return err
	}, "SELECT "+deviceColumns+" FROM devices "+query, args...)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	return devices, nil
}

// Device implements chat.View.
func (v *View) Device(user, id uint64) (chat.Device, error) {
	found, err := v.devices("WHERE user_id = ? AND id = ?", Number(user), Number(id))
	if err != nil || len(found) == 0 {
		return chat.Device{}, err
	}
	return found[0], nil
}

// Devices implements chat.View.
func (v *View) Devices(user uint64) ([]chat.Device, error) {
	return v.devices("WHERE user_id = ? ORDER BY id", Number(user))
}

// ExpiredDevices implements chat.View.
func (v *View) ExpiredDevices(before uint64, limit int) ([]chat.Device, error) {
	return v.devices("WHERE expires < ? ORDER BY expires, user_id, id"+atMost, Number(before), max(0, limit))
}

// PutDevice implements chat.Tx.
func (t *Transaction) PutDevice(d chat.Device) error {
	err := t.Exec("INSERT INTO devices ("+deviceColumns+") VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, id) DO UPDATE SET"+
		" label = excluded.label, last_seen = excluded.last_seen, expires = excluded.expires, ended = excluded.ended",
		Number(d.User), Number(d.ID), d.Label, Number(d.LastSeen), Number(d.Expires), d.Ended)
	if err != nil {
		return fmt.Errorf("write device: %w", err)
	}
	return nil
}

// DeleteDevice implements chat.Tx.
func (t *Transaction) DeleteDevice(user, id uint64) error {
	if err := t.Exec("DELETE FROM devices WHERE user_id = ? AND id = ?", Number(user), Number(id)); err != nil {
		return fmt.Errorf("delete device: %w", err)
	}
	return nil
}
