package httpapi

import (
	"net/http"
	"strconv"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// device is one on which the user is signed in, as JSON.
type device struct {
	ID    string `json:"device_id"`
	Label string `json:"label"`
	// Unix milliseconds; LastSeen is up to ten minutes too early.
	Created  string `json:"created"`
	LastSeen string `json:"last_seen"`
	Expires  string `json:"expires"`
	// Online is whether it is connected, and This whether it is the one that asks.
	Online bool `json:"online"`
	This   bool `json:"this"`
}

// devices lists where the user is signed in by tokens that name a device, who signed
// in first first, and says when the recovery code was made, and whether this server is
// where the user's name is changed and codes are made.
func (a *api) devices(r *http.Request, who auth.User) (any, error) {
	all, err := a.Service.Devices(r.Context(), who.ID)
	if err != nil {
		return nil, err
	}
	recovery, err := a.Service.CodeOf(r.Context(), who.ID, chat.RecoveryCode)
	if err != nil {
		return nil, err
	}
	list := make([]device, 0, len(all))
	for _, d := range all {
		list = append(list, device{
			ID: strconv.FormatUint(d.ID, 10), Label: d.Label,
			Created: milliseconds(d.Created()), LastSeen: millis(d.LastSeen), Expires: millis(d.Expires),
			Online: a.Service.DeviceHere(who.ID, d.ID), This: d.ID == who.Device,
		})
	}
	return struct {
		Devices  []device `json:"devices"`
		Recovery string   `json:"recovery_code_made"` // Unix milliseconds; "0" if there is none
		Mints    bool     `json:"mints"`
	}{list, millis(recovery.Made), a.mints() == nil}, nil
}

// endDevice ends one device of the user, which may be the one that asks.
func (a *api) endDevice(r *http.Request, who auth.User) (any, error) {
	id, ok := proto.ParseID(r.PathValue("id"))
	if !ok {
		return nil, badRequest("the device's id is not a decimal from 1 to 18446744073709551615")
	}
	found, err := a.Service.EndDevice(r.Context(), who.ID, id)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &problem{Status: http.StatusNotFound, Detail: "you have no such device, or it was signed out before", Code: "device-unknown"}
	}
	return nil, nil
}

// endDevices ends all devices of the user, and all tokens that name none; with
// others=true, all but the one that asks.
func (a *api) endDevices(r *http.Request, who auth.User) (any, error) {
	q, err := parseQuery(r)
	if err != nil {
		return nil, err
	}
	others, err := q.text("others")
	if err != nil {
		return nil, err
	}
	var keep chat.Credential
	switch others {
	case "", "false":
	case "true":
		if keep = credentialOf(who); keep.Device == 0 {
			return nil, &problem{Status: http.StatusConflict, Detail: "your token names no device by which to tell it from others: renew it, or end all of them", Code: "no-device"}
		}
	default:
		return nil, badRequest("others is neither true nor false")
	}
	return nil, a.Service.EndDevices(r.Context(), who.ID, keep)
}
