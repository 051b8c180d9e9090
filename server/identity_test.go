package main

import (
	"encoding/json"
	"syscall"
	"testing"
)

// linked signs another device of somebody in.
func (p *program) linked(who person) (other person) {
	p.t.Helper()
	var code struct{ Code string }
	_, body := p.ask("POST", "/api/link-codes", "", "Authorization", "Bearer "+who.Token)
	if err := json.Unmarshal([]byte(body), &code); err != nil {
		p.t.Fatal(err)
	}
	status, body := p.ask("POST", "/api/sign-in", `{"code":"`+code.Code+`","device":"phone"}`, "Content-Type", "application/json")
	if err := json.Unmarshal([]byte(body), &other); err != nil || status != 201 || other.ID != who.ID {
		p.t.Fatalf("status %d, %s, %v", status, body, err)
	}
	return other
}

// deviceOf is the id of the device that a token was given to.
func (p *program) deviceOf(who person) string {
	p.t.Helper()
	var list struct {
		Devices []struct {
			ID           string `json:"device_id"`
			Online, This bool
		}
	}
	_, body := p.get("/api/devices", "Authorization", "Bearer "+who.Token)
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		p.t.Fatal(err)
	}
	for _, d := range list.Devices {
		if d.This {
			return d.ID
		}
	}
	p.t.Fatalf("no device is this one: %s", body)
	return ""
}

const endedElsewhere = "signed out on another device"

func TestADeviceThatIsEndedIsOutAtOnceAndAfterARestart(t *testing.T) {
	data := t.TempDir()
	p := start(t, "-data", data, "-static", pageFolder(t))
	ann, bob := p.comes("Ann", ""), p.comes("Bob", "")
	phone, tablet := p.linked(ann), p.linked(ann)
	anns, phones, tablets, bobs := p.online(ann), p.online(phone), p.online(tablet), p.online(bob)
	end := func(by person, path string) {
		t.Helper()
		if status, body := p.ask("DELETE", "/api/devices"+path, "", "Authorization", "Bearer "+by.Token); status != 204 {
			t.Fatalf("status %d: %s", status, body)
		}
	}
	end(ann, "/"+p.deviceOf(phone))
	phones.isEnded(t, endedElsewhere)
	p.refused(phone, endedElsewhere)
	for _, who := range []person{ann, tablet} {
		p.allowed(who)
	}
	end(ann, "?others=true")
	tablets.isEnded(t, endedElsewhere)
	select {
	case code := <-anns.ended:
		t.Errorf("the one that stays got DISCONNECT 0x%02X", code)
	default:
	}
	p.stop(syscall.SIGTERM)

	p = start(t, "-data", data, "-static", pageFolder(t))
	for _, who := range []person{phone, tablet} {
		p.refused(who, endedElsewhere)
	}
	p.allowed(bob)
	ann = p.allowed(ann)
	last := p.online(ann)
	end(ann, "")
	last.isEnded(t, endedElsewhere)
	p.refused(ann, endedElsewhere)
	p.stop(syscall.SIGTERM)
	_ = bobs
}
