package chaos

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"parley/server/e2e/live"
)

// A host is what people connect to: one server, or several nodes of a cluster.
type host interface {
	Client() live.Client // whose Server is where browsers connect to
	Start() error
	Stop() error
	Runs() bool
	Log() string
	CheckLog() error
	// stored is every conversation as it is stored. Nothing runs any more.
	stored() (map[string][]entry, error)
	// kinds are the faults that may befall it.
	kinds() []fault
	// finish does, once no more strike, what they had no occasion for.
	finish() error
}

// A server is the real program, with its metrics.
type server struct {
	*live.Server
	metrics string // host:port of /metrics
}

// newServer is one with its data in a folder, not started yet.
func newServer(data string) (*server, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	metrics := free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	return &server{&live.Server{Data: data, Flags: []string{"-metrics", metrics}}, metrics}, nil
}

func (s *server) stored() (map[string][]entry, error) { return inDatabase(s.Data) }

func (s *server) finish() error { return nil }

func (s *server) kinds() []fault {
	return []fault{
		{"server killed", serverFault, func(k strike) error {
			if err := s.Kill(); err != nil {
				return err
			}
			time.Sleep(k.between(0, time.Second))
			return s.Start()
		}},
		{"server stopped", serverFault, func(k strike) error {
			if err := s.Stop(); err != nil {
				return err
			}
			time.Sleep(k.between(0, time.Second))
			return s.Start()
		}},
	}
}

// gauge reads one number of /metrics.
func (s *server) gauge(name string) (value float64, err error) {
	response, err := http.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name+" "); found {
			_, err := fmt.Sscan(rest, &value)
			return value, err
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}
