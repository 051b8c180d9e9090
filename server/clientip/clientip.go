// Package clientip says which client a connection or a request comes from, as
// far as an address tells, so that limits by address fall on those who cause the
// load. It knows nothing of limits.
//
// A client is an IPv4 address, or the /64 of an IPv6 address, which one household
// or machine has to choose from. That is the peer of the connection, unless the
// peer is a trusted proxy. Then it is whom the proxy names, in X-Forwarded-For,
// or, where that is missing, in Forwarded (RFC 7239): of a chain, the last that
// is no trusted proxy itself, since what stands before that is what a stranger
// says. So a trusted proxy must set X-Forwarded-For, or remove it and set
// Forwarded; what it passes on unseen counts as its word.
package clientip

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
)

// networkBits is how much of an IPv6 address is the same for one client.
const networkBits = 64

// ParseProxies reads a list of addresses and networks (CIDR), separated by
// commas: "127.0.0.1, 10.0.0.0/8, 2001:db8::/32". An empty list is none.
func ParseProxies(list string) ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for text := range strings.SplitSeq(list, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		proxy, err := parseProxy(text)
		if err != nil {
			return nil, err
		}
		proxies = append(proxies, proxy)
	}
	return proxies, nil
}

func parseProxy(text string) (netip.Prefix, error) {
	proxy, err := netip.ParsePrefix(text)
	if address, bad := netip.ParseAddr(text); bad == nil && address.Zone() == "" {
		proxy, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no address and no network: want 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32", text)
	}
	if proxy.Addr().Is4In6() {
		proxy = netip.PrefixFrom(proxy.Addr().Unmap(), proxy.Bits()-96)
	}
	if proxy.Bits() <= 0 {
		return netip.Prefix{}, fmt.Errorf("%q is everybody, and whoever is trusted may claim to be anybody: name the proxies alone", text)
	}
	return proxy.Masked(), nil
}

// A Resolver knows the trusted proxies. Safe for concurrent use.
type Resolver struct {
	trusted []netip.Prefix
	log     *slog.Logger

	untrusted, unnamed sync.Once // a warning each
}

// New makes a Resolver that trusts these proxies. It warns in log, once each, of
// what a forgotten or wrong setting looks like.
func New(trusted []netip.Prefix, log *slog.Logger) *Resolver {
	return &Resolver{trusted: trusted, log: log}
}

// Of returns the client that a request comes from. The zero Addr means that a
// trusted proxy did not say: limits by address do not apply to it, as the proxy
// stands for many.
func (r *Resolver) Of(request *http.Request) netip.Addr {
	peer := parsePeer(request.RemoteAddr)
	if !r.trusts(peer) {
		if name := forwardedHeader(request.Header); name != "" {
			r.untrusted.Do(func() {
				r.log.Warn("a request came with a forwarded header from an address that is no trusted proxy, so the header is ignored and all who come from there count as one client: if that is your proxy, start with -trusted-proxies",
					"address", peer, "header", name)
			})
		}
		return client(peer)
	}
	named := r.named(request.Header)
	if !named.IsValid() {
		r.unnamed.Do(func() {
			r.log.Warn("a trusted proxy (-trusted-proxies) did not say which client a request comes from, so no limit by address applies to it: let the proxy set X-Forwarded-For",
				"address", peer)
		})
	}
	return client(named)
}

// Peer returns the client at the other end of a connection, whose address is
// remote, host:port. The zero Addr means a trusted proxy, which stands for many.
func (r *Resolver) Peer(remote string) netip.Addr {
	peer := parsePeer(remote)
	if r.trusts(peer) {
		return netip.Addr{}
	}
	return client(peer)
}

// parsePeer returns the zero Addr for what is no host:port.
func parsePeer(remote string) netip.Addr {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return plain(peer.Addr())
}

// plain is an address as trusts and client want it: IPv4 as such, and without
// the zone, which is the name of an interface of this machine.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// client groups addresses that one client can choose from.
func client(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	return netip.PrefixFrom(a, networkBits).Masked().Addr()
}

func (r *Resolver) trusts(a netip.Addr) bool {
	for _, proxy := range r.trusted {
		if proxy.Contains(a) {
			return true
		}
	}
	return false
}

const xForwardedFor, forwarded = "X-Forwarded-For", "Forwarded"

// forwardedHeader is the name of the header that names the client, "" if none does.
func forwardedHeader(h http.Header) string {
	for _, name := range []string{xForwardedFor, forwarded} {
		if len(h.Values(name)) > 0 {
			return name
		}
	}
	return ""
}

// named returns the last address of the chain that is no trusted proxy. It is
// zero if there is none, and if the proxy that is to name it wrote no address
// ("unknown", "_hidden").
func (r *Resolver) named(h http.Header) netip.Addr {
	name := forwardedHeader(h)
	lines := h.Values(name)
	for i := len(lines) - 1; i >= 0; i-- {
		// From the right, so that nothing that a stranger wrote is looked at. A
		// comma in a quoted string, which no address has, ends an element too.
		for rest, more := lines[i], true; more; {
			var element string
			comma := strings.LastIndexByte(rest, ',')
			element, more = rest[comma+1:], comma >= 0
			if more {
				rest = rest[:comma]
			}
			if name == forwarded {
				element = forParameter(element)
			}
			if hop := parseHop(element); !r.trusts(hop) {
				return hop
			}
		}
	}
	return netip.Addr{}
}

// forParameter returns the value of "for" in an element of Forwarded: in
// by=10.0.0.1;for="[2001:db8::1]:4711";proto=https, [2001:db8::1]:4711.
func forParameter(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// parseHop reads an address, which may have a port, and brackets if it is IPv6;
// the zero Addr if it is none.
func parseHop(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if hop, err := netip.ParseAddrPort(text); err == nil {
		return plain(hop.Addr())
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		text = strings.TrimSuffix(inner, "]")
	}
	hop, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return plain(hop)
}
