package auth

import (
	"log/slog"
	"math"
	"slices"
	"sync"

	"parley/proto"
)

// maxUnoffered bounds how many services are remembered that were told of in the log.
const maxUnoffered = 1000

// offer is the services that there are. The zero offer is all that have a number.
type offer struct {
	services []proto.ServiceType
	log      *slog.Logger

	mu   sync.Mutex
	told map[int64]bool // services that there are not, which the log names
}

// Offer says which services there are. What a token names beside them says nothing of
// its bearer, and the log is told once of each. It is called before tokens are verified.
func (a *Authority) Offer(services []proto.ServiceType, log *slog.Logger) {
	a.offer.services, a.offer.log = services, log
}

// known keeps those that there are, rising and none twice.
func (o *offer) known(numbers []int64) []proto.ServiceType {
	var types []proto.ServiceType
	for _, number := range numbers {
		if o.has(number) {
			types = append(types, proto.ServiceType(number))
		} else if o.log != nil {
			o.tell(number)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

func (o *offer) has(number int64) bool {
	if number < 0 || number > math.MaxInt32 {
		return false
	}
	if o.services != nil {
		return slices.Contains(o.services, proto.ServiceType(number))
	}
	_, named := proto.ServiceType_name[int32(number)]
	return named
}

func (o *offer) tell(number int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.told[number] || len(o.told) == maxUnoffered {
		return
	}
	if o.told == nil {
		o.told = make(map[int64]bool)
	}
	o.told[number] = true
	o.log.Warn("a token names a service that there is not, and says nothing by that: name it in the file of -services, or leave it out of tokens", "service", number)
}
