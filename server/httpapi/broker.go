package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"parley/proto"
)

// Broker says how a broker may ask who somebody is and what they may do, on /auth/user,
// vhost, resource and topic, in the form of RabbitMQ's HTTP backend: POST with a form,
// answered by the word allow or deny. Without Secret and Allow nobody may ask, and the
// answer to all is that there is nothing.
type Broker struct {
	// Secret proves the broker: as /auth/SECRET/user, or as a bearer token; "" is none.
	Secret string
	// Allow are addresses of brokers, which need no secret.
	Allow []netip.Prefix
	// User and Password are those of the gateway, which is let in, too, and may do what it
	// needs; "" is nobody.
	User, Password string
	// Authenticate checks that a token proves a user, and takes note of them. Errors are
	// as those of chat.Service.Seen.
	Authenticate func(ctx context.Context, user uint64, token string) error
}

const (
	// maxQuestion bounds the form of a question, in bytes: a token, and names.
	maxQuestion = 32 << 10
	// maxQuestions bounds those in work at a time; others wait for their turn.
	maxQuestions = 64
	// exchange is the one through which RabbitMQ's MQTT goes, and queues the beginning of
	// the names of its queues, behind which stands the client id.
	exchange, queues = "amq.topic", "mqtt-subscription-"
	// gatewayClient is the gateway's client id.
	gatewayClient = "parley-gateway"
)

// routeBroker serves a broker's questions.
func (a *api) routeBroker(mux *http.ServeMux) {
	a.questions = make(chan struct{}, maxQuestions)
	mux.HandleFunc("POST /auth/{about}", a.question)
	mux.HandleFunc("POST /auth/{secret}/{about}", a.question)
	mux.HandleFunc("/auth/", a.nothing)
}

// nothing answers that there is nothing.
func (a *api) nothing(w http.ResponseWriter, r *http.Request) {
	a.refuse(w, r, &problem{Status: http.StatusNotFound, Detail: "there is nothing under this address"})
}

// question answers one.
func (a *api) question(w http.ResponseWriter, r *http.Request) {
	rule := map[string]func(*http.Request) (bool, error){
		"user": a.mayConnect, "vhost": a.mayEnter, "resource": a.mayUse, "topic": a.mayPass,
	}[r.PathValue("about")]
	if rule == nil || !a.asksForABroker(r) {
		a.nothing(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	select {
	case a.questions <- struct{}{}:
		defer func() { <-a.questions }()
	case <-ctx.Done():
		a.refuse(w, r, proto.Refuse(proto.ServerBusy, "too many questions at once: ask again"))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxQuestion)
	if err := r.ParseForm(); err != nil {
		a.refuse(w, r, badRequest("the body is no form, or longer than 32 KiB"))
		return
	}
	allowed, err := rule(r.WithContext(ctx))
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	verdict := "deny"
	if allowed {
		verdict = "allow"
	}
	send(w, "text/plain; charset=utf-8", http.StatusOK, []byte(verdict))
}

// asksForABroker reports whether a request proves to be a broker's.
func (a *api) asksForABroker(r *http.Request) bool {
	from := a.Clients.Of(r)
	if slices.ContainsFunc(a.Broker.Allow, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return r.PathValue("secret") == "" || same(r.PathValue("secret"), a.Broker.Secret)
	}
	secret := r.PathValue("secret")
	if secret == "" {
		secret, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	}
	return a.Broker.Secret != "" && same(secret, a.Broker.Secret)
}

// same compares secrets in a time that tells nothing of them.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// mayConnect is about a CONNECT. A client id is needed: clients of other protocols have none.
func (a *api) mayConnect(r *http.Request) (bool, error) {
	name, password, client := r.PostForm.Get("username"), r.PostForm.Get("password"), r.PostForm.Get("client_id")
	if a.isGateway(name) {
		return client == gatewayClient && same(password, a.Broker.Password), nil
	}
	user, ok := proto.ParseID(name)
	if !ok || !strings.HasPrefix(client, name+"-") || a.requests.take(name, 1) > 0 {
		return false, nil
	}
	err := a.Broker.Authenticate(r.Context(), user, password)
	var refusal *proto.Refusal
	if errors.As(err, &refusal) && !refusal.Reason.Temporary() {
		a.Log.Info("a broker is told to refuse a connection", "user", user, "because", refusal.Text)
		return false, nil
	}
	return err == nil, err
}

func (a *api) isGateway(name string) bool { return a.Broker.User != "" && name == a.Broker.User }

// mayEnter is about a virtual host: whoever may connect may, as what they may do is asked.
func (a *api) mayEnter(r *http.Request) (bool, error) {
	name := r.PostForm.Get("username")
	_, ok := proto.ParseID(name)
	return ok || a.isGateway(name), nil
}

// mayUse is about what RabbitMQ's MQTT is made of: the exchange, and queues of one's own.
func (a *api) mayUse(r *http.Request) (bool, error) {
	user, name := r.PostForm.Get("username"), r.PostForm.Get("name")
	own := queues + user + "-"
	if a.isGateway(user) {
		own = queues + gatewayClient
	} else if _, ok := proto.ParseID(user); !ok {
		return false, nil
	}
	switch r.PostForm.Get("resource") {
	case "exchange":
		return name == exchange && r.PostForm.Get("permission") != "configure", nil
	case "queue":
		return strings.HasPrefix(name, own), nil
	case "topic": // which is asked beside
		return name == exchange, nil
	}
	return false, nil
}

// mayPass is about a topic or filter, in the words of AMQP.
func (a *api) mayPass(r *http.Request) (bool, error) {
	name, topic := r.PostForm.Get("username"), inMQTT.Replace(r.PostForm.Get("routing_key"))
	if r.PostForm.Get("name") != exchange {
		return false, nil
	}
	up, _, isUp := proto.ParseUp(topic)
	down, branch, isDown := proto.ParseDown(topic)
	user, _ := proto.ParseID(name)
	switch permission := r.PostForm.Get("permission"); {
	case a.isGateway(name):
		return permission == "write" && isDown && branch != "#" || permission == "read" && topic == "chat/+/up/#", nil
	case permission == "write":
		return isUp && up == user, nil
	case permission == "read":
		return isDown && down == user, nil
	}
	return false, nil
}

// inMQTT turns a routing key into the topic that it was made of.
var inMQTT = strings.NewReplacer(".", "/", "/", ".", "*", "+")
