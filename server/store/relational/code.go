package relational

import (
	"fmt"

	"parley/server/chat"
)

const codeColumns = "user_id, kind, hash, made, expires, used"

// code reads the one code that a condition finds, or the zero Code.
func (v *View) code(condition string, args ...any) (c chat.Code, err error) {
	if err := v.ctx.Err(); err != nil {
		return c, err
	}
	var kind int64
	var hash []byte
	found, err := v.Row([]any{(*Number)(&c.User), &kind, &hash, (*Number)(&c.Made), (*Number)(&c.Expires), &c.Used},
		"SELECT "+codeColumns+" FROM codes WHERE "+condition, args...)
	if err != nil || !found {
		return chat.Code{}, wrapped("read code", err)
	}
	c.Kind = chat.CodeKind(kind)
	copy(c.Hash[:], hash)
	return c, nil
}

// Code implements chat.View.
func (v *View) Code(hash [chat.CodeHash]byte) (chat.Code, error) {
	return v.code("hash = ?", hash[:])
}

// CodeOf implements chat.View.
func (v *View) CodeOf(user uint64, kind chat.CodeKind) (chat.Code, error) {
	return v.code("user_id = ? AND kind = ?", Number(user), int64(kind))
}

// PutCode implements chat.Tx.
func (t *Transaction) PutCode(c chat.Code) error {
	return wrapped("write code", t.Exec("INSERT INTO codes ("+codeColumns+") VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, kind) DO UPDATE SET"+
		" hash = excluded.hash, made = excluded.made, expires = excluded.expires, used = excluded.used",
		Number(c.User), int64(c.Kind), c.Hash[:], Number(c.Made), Number(c.Expires), c.Used))
}

// DeleteCode implements chat.Tx.
func (t *Transaction) DeleteCode(user uint64, kind chat.CodeKind) error {
	return wrapped("delete code", t.Exec("DELETE FROM codes WHERE user_id = ? AND kind = ?", Number(user), int64(kind)))
}

// wrapped says what failed, if it did.
func wrapped(what string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return err
}
