package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// A Client asks the HTTP API of a server. HTTP says from where and how; nil is
// http.DefaultClient.
type Client struct {
	Server string // host:port
	HTTP   *http.Client
}

// Client is one that asks from this machine's usual address.
func (s *Server) Client() Client { return Client{Server: s.Address} }

// An Answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Transfer makes a request of an upload, by tus 1.0, or of an attachment, with more header
// fields: names and values in turns.
func (c Client) Transfer(ctx context.Context, method, path, token string, body []byte, header ...string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Server+path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	header = append([]string{"Authorization", "Bearer " + token, "Tus-Resumable", "1.0.0", "Content-Type", "application/offset+octet-stream"}, header...)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.client().Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, string(text)}, err
}

func (c Client) client() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}

// A Status is an answer that is no success.
type Status int

func (s Status) Error() string { return fmt.Sprintf("status %d", int(s)) }

// Fetch makes a request with a token, or none if it is "", and a JSON body
// unless question is nil. It returns the answer's status and body.
func (c Client) Fetch(ctx context.Context, method, path, token string, question any) (int, []byte, error) {
	var body io.Reader
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Server+path, body)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.client().Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, text, err
}

// Ask is Fetch for JSON; answer may be nil. Where the server refuses, the error
// is a Status and holds its words.
func (c Client) Ask(ctx context.Context, method, path, token string, question, answer any) error {
	status, text, err := c.Fetch(ctx, method, path, token, question)
	switch {
	case err != nil:
		return err
	case status >= 300:
		return fmt.Errorf("%s %s: %w: %s", method, path, Status(status), text)
	case answer == nil:
		return nil
	}
	return json.Unmarshal(text, answer)
}

// Get asks for a path and reads the answer's JSON.
func (c Client) Get(ctx context.Context, path, token string, answer any) error {
	return c.Ask(ctx, http.MethodGet, path, token, nil, answer)
}

// A Guest is somebody whom the server gave a token.
type Guest struct {
	ID    uint64
	Token string
}

// NewGuest makes a guest.
func (c Client) NewGuest(ctx context.Context, name string) (Guest, error) {
	var made struct {
		ID    string `json:"user_id"`
		Token string `json:"token"`
	}
	if err := c.Ask(ctx, http.MethodPost, "/api/guests", "", map[string]string{"name": name}, &made); err != nil {
		return Guest{}, err
	}
	id, err := strconv.ParseUint(made.ID, 10, 64)
	return Guest{ID: id, Token: made.Token}, err
}
