package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"parley/proto"
	"parley/server/clientip"
	"parley/server/listener"
)

const (
	// doorFile says, in the data folder, where the door is and what opens it.
	doorFile = "operator.door"
	// maxOrder bounds an order and its report, in bytes.
	maxOrder, maxReport = 4 << 10, 4 << 20
	// orderTime bounds the work on an order, and maxCommands the connections.
	orderTime, maxCommands = 15 * time.Second, 8
)

// door is where a running server takes orders of an operator's commands: at a
// port of this machine alone, of whoever can read a file that only the owner of
// the data folder can. (A socket in the folder would need no secret, but its
// path may be longer than sockets may have.)
type door struct {
	*front
	file string
}

// place is what stands in the file.
type place struct{ Address, Secret string }

// answer is what the door answers.
type answer struct {
	Report report
	Error  string `json:",omitempty"` // for a person
}

// openDoor opens the door of a data folder. It serves once the front does.
func openDoor(folder string, do func(context.Context, order) (report, error), log *slog.Logger) (*door, error) {
	below, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen for the commands of an operator: %w", err)
	}
	f, err := newFront(below, listener.Config{Max: maxCommands, MaxPerAddress: maxCommands, Clients: clientip.New(nil, log), Log: log})
	if err != nil {
		return nil, err
	}
	at := place{f.listener.Addr().String(), rand.Text()}
	f.Handler = orders(at.Secret, do)
	d := &door{front: f, file: filepath.Join(folder, doorFile)}
	if err := at.write(d.file); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot tell commands of an operator where the server is: %w", err), f.listener.Close())
	}
	return d, nil
}

// write puts p into a file that its owner alone can read, at once.
func (p place) write(file string) error {
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".door-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(content)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// close lets no command look for the door any more.
func (d *door) close() error {
	err := d.listener.Close()
	if errors.Is(err, net.ErrClosed) { // as it was served
		err = nil
	}
	return errors.Join(err, os.Remove(d.file))
}

// orders takes orders over HTTP of whoever knows the secret.
func orders(secret string, do func(context.Context, order) (report, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+secret)) != 1 {
			http.Error(w, "only for the operator's commands", http.StatusUnauthorized)
			return
		}
		var want order
		if err := json.NewDecoder(io.LimitReader(r.Body, maxOrder)).Decode(&want); err != nil {
			http.Error(w, "no order", http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), orderTime)
		defer cancel()
		var a answer
		var err error
		if a.Report, err = do(ctx, want); err != nil {
			a.Error = wordsOf(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(a) // whoever asked may be gone
	})
}

// wordsOf is what a person is told of an error.
func wordsOf(err error) string {
	if refusal := (*proto.Refusal)(nil); errors.As(err, &refusal) && !refusal.Reason.Temporary() {
		return refusal.Text
	}
	return err.Error()
}

// errNobody is that no server can be reached at a door.
var errNobody = errors.New("a server or another command uses the data folder, but no server answers there")

// knock gives an order to the server that runs on a data folder. The error is
// errNobody if there is no door, or nobody behind it.
func knock(ctx context.Context, folder string, want order) (report, error) {
	content, err := os.ReadFile(filepath.Join(folder, doorFile))
	if err != nil {
		return report{}, fmt.Errorf("%w: %w", errNobody, err)
	}
	var at place
	if err := json.Unmarshal(content, &at); err != nil {
		return report{}, fmt.Errorf("%w: %s is damaged: %w", errNobody, doorFile, err)
	}
	body, err := json.Marshal(want)
	if err != nil {
		return report{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at.Address+"/", bytes.NewReader(body))
	if err != nil {
		return report{}, err
	}
	r.Header.Set("Authorization", "Bearer "+at.Secret)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	response, err := client.Do(r)
	if err != nil {
		return report{}, fmt.Errorf("%w: %w", errNobody, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return report{}, fmt.Errorf("%w: %s", errNobody, response.Status) // of a server that ended
	}
	var a answer
	if err := json.NewDecoder(io.LimitReader(response.Body, maxReport)).Decode(&a); err != nil {
		return report{}, fmt.Errorf("the server's answer breaks off; what was asked for may be done: %w", err)
	}
	if a.Error != "" {
		return a.Report, errors.New(a.Error)
	}
	return a.Report, nil
}
