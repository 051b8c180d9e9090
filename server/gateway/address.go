package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// Address is where a broker is, and as whom to connect. It holds a password.
type Address struct {
	Hosts          []string // host:port, tried in turn: the nodes of one cluster
	User, Password string   // no user: none is named
	TLS            *tls.Config
}

// dial connects to a host.
func (a *Address) dial(ctx context.Context, host string) (net.Conn, error) {
	if a.TLS != nil {
		return (&tls.Dialer{Config: a.TLS}).DialContext(ctx, "tcp", host)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", host)
}

// ParseAddress parses mqtt://USER:PASSWORD@HOST:PORT,HOST… or, for TLS, mqtts://…. Ports
// are 1883 and 8883 unless they are given. With ?ca=FILE certificates of brokers count
// that an authority in the file signed, in PEM, else those of this system's. Errors say
// what to give, and no password.
func ParseAddress(text string) (Address, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	port := map[string]string{"mqtt": "1883", "mqtts": "8883"}[scheme]
	if !ok || port == "" {
		return Address{}, errors.New("give mqtt://USER:PASSWORD@HOST:PORT, several hosts separated by commas, or mqtts:// for TLS")
	}
	rest, query, _ := strings.Cut(rest, "?")
	var a Address
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		credentials, err := url.Parse("mqtt://" + rest[:i] + "@host")
		if err != nil || credentials.Host != "host" {
			return Address{}, errors.New("user and password cannot be read: write what is special in them as %XX")
		}
		a.User, rest = credentials.User.Username(), rest[i+1:]
		a.Password, _ = credentials.User.Password()
	}
	for host := range strings.SplitSeq(strings.TrimSuffix(rest, "/"), ",") {
		u, err := url.Parse("mqtt://" + strings.TrimSpace(host))
		if err != nil || u.Hostname() == "" || u.Path != "" || u.Port() == "0" {
			return Address{}, fmt.Errorf("%q is no host: give HOST or HOST:PORT, without a path", host)
		}
		if u.Port() != "" {
			a.Hosts = append(a.Hosts, u.Host)
		} else {
			a.Hosts = append(a.Hosts, net.JoinHostPort(u.Hostname(), port))
		}
	}
	return a, a.configure(scheme, query)
}

// configure sets what stands behind the hosts, and TLS.
func (a *Address) configure(scheme, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("what stands behind ? cannot be read: give ca=FILE")
	}
	ca := values.Get("ca")
	values.Del("ca")
	for unknown := range values {
		return fmt.Errorf("%q behind ? means nothing: give ca=FILE", unknown)
	}
	if scheme == "mqtt" {
		if ca != "" {
			return errors.New("ca=FILE is for mqtts://, which speaks TLS")
		}
		return nil
	}
	a.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	a.TLS.RootCAs = x509.NewCertPool()
	if !a.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca: %s has no certificate in PEM", ca)
	}
	return nil
}
