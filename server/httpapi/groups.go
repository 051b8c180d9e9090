package httpapi

import (
	"encoding/base64"
	"net/http"
	"time"

	"parley/proto"
	"parley/server/auth"
	"parley/server/chat"
)

// Groups, under /api/groups. What happens to one is an entry in its log, which all of its
// members are sent; the answers say where it stands there.

// maxGroupBody bounds a request about a group, in bytes: a thousand ids fit.
const maxGroupBody = 32 << 10

func (a *api) routeGroups(mux *http.ServeMux) {
	a.route(mux, "/api/groups", methods{http.MethodPost: a.signedIn(listCost, a.addGroup)})
	a.route(mux, "/api/groups/{id}", methods{http.MethodGet: a.signedIn(listCost, a.group), http.MethodPatch: a.signedIn(1, a.renameGroup)})
	a.route(mux, "/api/groups/{id}/picture", methods{http.MethodPut: a.signedIn(1, a.setPicture), http.MethodDelete: a.signedIn(1, a.removePicture)})
	a.route(mux, "/api/groups/{id}/members", methods{http.MethodPost: a.signedIn(listCost, a.addMembers)})
	a.route(mux, "/api/groups/{id}/members/{user}", methods{http.MethodPatch: a.signedIn(1, a.changeRole), http.MethodDelete: a.signedIn(1, a.removeMember)})
	a.route(mux, "/api/groups/{id}/links", methods{http.MethodGet: a.signedIn(1, a.groupLinks), http.MethodPost: a.signedIn(1, a.addGroupLink)})
	a.route(mux, "/api/groups/{id}/links/{link}", methods{http.MethodDelete: a.signedIn(1, a.deleteGroupLink)})
	a.route(mux, "/api/group-links/{code}", methods{http.MethodGet: a.signedIn(1, a.linkedGroup), http.MethodPost: a.signedIn(1, a.joinGroup)})
}

// groupInfo is a group, as JSON.
type groupInfo struct {
	ID    string `json:"group_id"`
	Key   string `json:"key"`
	Name  string `json:"name"`
	Count uint64 `json:"member_count"`
	// History is all if who comes reads what was written before, or joined.
	History string `json:"history"`
}

func infoOf(g chat.Group) groupInfo {
	history := "joined"
	if g.Whole {
		history = "all"
	}
	return groupInfo{ID: decimal(g.Key.Group()), Key: g.Key.String(), Name: g.Name, Count: g.Members, History: history}
}

// groupChanged is the answer to what was done to a group; seq is 0 if it was so already.
type groupChanged struct {
	ID  string `json:"group_id"`
	Key string `json:"key"`
	Seq string `json:"seq"`
}

// newGroup is what POST /api/groups asks for.
type newGroup struct {
	Name    string   `json:"name"`
	Members []string `json:"members"`
	History string   `json:"history"`
	// Ref is a client_ref, 32 hex digits: what is sent again with it is one group.
	Ref string `json:"ref"`
}

func (a *api) addGroup(r *http.Request, who auth.User) (any, error) {
	var body newGroup
	if err := readJSON(r, maxGroupBody, &body); err != nil {
		return nil, err
	}
	c := chat.GroupChange{Type: proto.MessageType_MESSAGE_TYPE_GROUP_CREATE}
	var err error
	if c.Whole, err = wholeHistory(body.History); err != nil {
		return nil, err
	}
	if c.Content, err = auth.CheckName(body.Name); err != nil {
		return nil, err
	}
	if c.Users, err = parseIDs(body.Members); err != nil {
		return nil, err
	}
	if c.Ref, err = parseRef(body.Ref); err != nil {
		return nil, err
	}
	return a.changeGroup(r, who, c)
}

func wholeHistory(text string) (bool, error) {
	switch text {
	case "all":
		return true, nil
	case "", "joined":
		return false, nil
	}
	return false, badRequest("history is neither all nor joined")
}

func parseIDs(texts []string) (ids []uint64, err error) {
	if len(texts) > proto.MaxMembers {
		return nil, badRequest("members are more than a group has at most, 1000")
	}
	for _, text := range texts {
		id, ok := proto.ParseID(text)
		if !ok {
			return nil, badRequest("members holds what is no user id: send decimals, as strings")
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (a *api) changeGroup(r *http.Request, who auth.User, c chat.GroupChange) (any, error) {
	key, receipt, err := a.Service.ChangeGroup(r.Context(), senderOf(who), c)
	if err != nil {
		return nil, err
	}
	return groupChanged{decimal(key.Group()), key.String(), decimal(receipt.Seq)}, nil
}

// pathGroup is the group in a request's path.
func pathGroup(r *http.Request) (proto.Key, error) {
	id, err := pathID(r)
	return proto.GroupKey(id), err
}

// group is a group with its members, for these.
func (a *api) group(r *http.Request, who auth.User) (any, error) {
	key, err := pathGroup(r)
	if err != nil {
		return nil, err
	}
	return a.Service.Roster(r.Context(), senderOf(who), key)
}

// renameGroup gives a group another name.
func (a *api) renameGroup(r *http.Request, who auth.User) (any, error) {
	var body struct {
		Name string `json:"name"`
	}
	if err := readJSON(r, maxGroupBody, &body); err != nil {
		return nil, err
	}
	key, err := pathGroup(r)
	if err != nil {
		return nil, err
	}
	name, err := auth.CheckName(body.Name)
	if err != nil {
		return nil, err
	}
	return a.changeGroup(r, who, chat.GroupChange{Key: key, Type: proto.MessageType_MESSAGE_TYPE_GROUP_RENAME, Content: name})
}

// setPicture gives a group another picture, which was uploaded before.
func (a *api) setPicture(r *http.Request, who auth.User) (any, error) {
	var body struct {
		Attachment string `json:"attachment_id"`
	}
	if err := readJSON(r, maxGroupBody, &body); err != nil {
		return nil, err
	}
	picture, ok := proto.ParseID(body.Attachment)
	if !ok {
		return nil, badRequest("attachment_id is not a number above 0 in decimal digits, as a string")
	}
	return a.changePicture(r, who, picture)
}

func (a *api) removePicture(r *http.Request, who auth.User) (any, error) {
	_, err := a.changePicture(r, who, 0)
	return nil, err
}

func (a *api) changePicture(r *http.Request, who auth.User, picture uint64) (any, error) {
	key, err := pathGroup(r)
	if err != nil {
		return nil, err
	}
	return a.changeGroup(r, who, chat.GroupChange{Key: key, Type: proto.MessageType_MESSAGE_TYPE_GROUP_PICTURE, Picture: picture})
}

// addMembers lets users into a group.
func (a *api) addMembers(r *http.Request, who auth.User) (any, error) {
	var body struct {
		Members []string `json:"members"`
	}
	if err := readJSON(r, maxGroupBody, &body); err != nil {
		return nil, err
	}
	key, err := pathGroup(r)
	if err != nil {
		return nil, err
	}
	users, err := parseIDs(body.Members)
	if err != nil {
		return nil, err
	}
	return a.changeGroup(r, who, chat.GroupChange{Key: key, Type: proto.MessageType_MESSAGE_TYPE_GROUP_JOIN, Users: users})
}

// pathMember is the group and the user in a request's path.
func pathMember(r *http.Request) (key proto.Key, user uint64, err error) {
	if key, err = pathGroup(r); err != nil {
		return key, 0, err
	}
	user, ok := proto.ParseID(r.PathValue("user"))
	if !ok {
		return key, 0, badRequest("the user id in the address is not a number above 0 in decimal digits")
	}
	return key, user, nil
}

// removeMember removes a member, or lets who asks leave.
func (a *api) removeMember(r *http.Request, who auth.User) (any, error) {
	key, user, err := pathMember(r)
	if err != nil {
		return nil, err
	}
	c := chat.GroupChange{Key: key, Type: proto.MessageType_MESSAGE_TYPE_GROUP_REMOVE, Users: []uint64{user}}
	if user == who.ID {
		c.Type, c.Users = proto.MessageType_MESSAGE_TYPE_GROUP_LEAVE, nil
	}
	_, err = a.changeGroup(r, who, c)
	return nil, err
}

// changeRole makes a member an admin, a mere member or the owner.
func (a *api) changeRole(r *http.Request, who auth.User) (any, error) {
	var body struct {
		Role string `json:"role"`
	}
	if err := readJSON(r, maxGroupBody, &body); err != nil {
		return nil, err
	}
	key, user, err := pathMember(r)
	if err != nil {
		return nil, err
	}
	return a.changeGroup(r, who, chat.GroupChange{Key: key, Type: proto.MessageType_MESSAGE_TYPE_GROUP_ROLE, Users: []uint64{user}, Content: body.Role})
}

// groupLink is a link to a group, as JSON. The page's address with #/join/{code} is one.
type groupLink struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	// Unix milliseconds; Expires "0": never.
	Made    string `json:"create_time"`
	Expires string `json:"expires"`
}

func linkOf(l chat.GroupLink) groupLink {
	return groupLink{decimal(l.ID), base64.RawURLEncoding.EncodeToString(l.Secret[:]), decimal(l.Made), decimal(l.Expires)}
}

// groupLinks are those that count, the newest first, for the group's admins.
func (a *api) groupLinks(r *http.Request, who auth.User) (any, error) {
	key, err := pathGroup(r)
	if err != nil {
		return nil, err
	}
	found, err := a.Service.GroupLinks(r.Context(), senderOf(who), key)
	if err != nil {
		return nil, err
	}
	links := make([]groupLink, len(found))
	for i, l := range found {
		links[i] = linkOf(l)
	}
	return struct {
		Links []groupLink `json:"links"`
	}{links}, nil
}

// addGroupLink makes a link that lasts for some seconds, or until it is withdrawn.
func (a *api) addGroupLink(r *http.Request, who auth.User) (any, error) {
	var body struct {
		Expires int64 `json:"expires_in"`
	}
	if err := readJSON(r, maxGroupBody, &body); err != nil {
		return nil, err
	}
	key, err := pathGroup(r)
	if err != nil {
		return nil, err
	}
	if most := int64(chat.MaxLinkTime / time.Second); body.Expires < 0 || body.Expires > most {
		return nil, badRequest("expires_in is not a number of seconds from 0, which is for ever, to " + decimal(uint64(most)))
	}
	l, err := a.Service.AddGroupLink(r.Context(), senderOf(who), key, time.Duration(body.Expires)*time.Second)
	if err != nil {
		return nil, err
	}
	return linkOf(l), nil
}

func (a *api) deleteGroupLink(r *http.Request, who auth.User) (any, error) {
	key, err := pathGroup(r)
	if err != nil {
		return nil, err
	}
	link, ok := proto.ParseID(r.PathValue("link"))
	if !ok {
		return nil, badRequest("the link's id in the address is not a number above 0 in decimal digits")
	}
	return nil, a.Service.DeleteGroupLink(r.Context(), senderOf(who), key, link)
}

// linkSecret is the code of a link in a request's path. One that cannot be read is one that
// there is not.
func linkSecret(r *http.Request) (secret [chat.LinkSecret]byte) {
	b, err := base64.RawURLEncoding.DecodeString(r.PathValue("code"))
	if err == nil && len(b) == len(secret) {
		copy(secret[:], b)
	}
	return secret
}

// linkedGroup is the group that a link leads to.
func (a *api) linkedGroup(r *http.Request, _ auth.User) (any, error) {
	g, err := a.Service.LinkedGroup(r.Context(), linkSecret(r))
	if err != nil {
		return nil, err
	}
	return infoOf(g), nil
}

// joinGroup lets who asks into the group that a link leads to.
func (a *api) joinGroup(r *http.Request, who auth.User) (any, error) {
	key, err := a.Service.JoinGroup(r.Context(), senderOf(who), linkSecret(r))
	if err != nil {
		return nil, err
	}
	return groupChanged{ID: decimal(key.Group()), Key: key.String(), Seq: "0"}, nil
}

// receipts say up to where the other members of a group have read: with seq, those who were
// there then, for the author.
func (a *api) receipts(r *http.Request, who auth.User) (any, error) {
	key, err := proto.ParseKey(r.PathValue("key"))
	if err != nil {
		return nil, err
	}
	if key.Kind() != proto.Group {
		return nil, badRequest("key is not a group's: the receipts of others stand in their rows")
	}
	q, err := parseQuery(r)
	if err != nil {
		return nil, err
	}
	seq, err := q.number("seq", 1, 1<<64-1, 0)
	if err != nil {
		return nil, err
	}
	found, err := a.Service.Receipts(r.Context(), senderOf(who), key, seq)
	if err != nil {
		return nil, err
	}
	receipts := make([]groupReceipt, len(found))
	for i, m := range found {
		receipts[i] = groupReceipt{decimal(m.GetUserId()), m.GetName(), decimal(m.GetDeliveredSeq()), decimal(m.GetReadSeq()), decimal(m.GetDeliveredTime()), decimal(m.GetReadTime())}
	}
	return struct {
		Receipts []groupReceipt `json:"receipts"`
	}{receipts}, nil
}

// groupReceipt is up to where a member has read, as JSON. Times are Unix milliseconds, "0"
// if unknown.
type groupReceipt struct {
	ID            string `json:"user_id"`
	Name          string `json:"name"`
	Delivered     string `json:"delivered_seq"`
	Read          string `json:"read_seq"`
	DeliveredTime string `json:"delivered_time"`
	ReadTime      string `json:"read_time"`
}
