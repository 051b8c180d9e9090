// Package services is which services customers can write to: their numbers, what
// they are called, how they greet, and when they are open. A file says so, or nobody
// does, and there are those that package proto names. It imports proto alone, keeps
// no state and asks no clock.
package services

import (
	"time"

	"parley/proto"
)

// Max is the most services that there can be: one for each number.
const Max = proto.MaxService + 1

// Service is a team that customers can write to.
type Service struct {
	Number proto.ServiceType
	// Name is what it is called; empty where each page has its own words for it, as
	// it has for those of Default.
	Name Texts
	// Greeting is what a customer reads before anything was written; empty for nothing.
	Greeting Texts
	// Hours are when somebody answers; nil is always. Messages are taken at any time.
	Hours *Hours
}

// Texts is a text in some languages, by their tags (BCP 47), such as en and zh-Hans.
type Texts map[string]string

// Directory is all services that there are. It is never changed, and safe for
// concurrent use.
type Directory struct {
	list []Service
}

// Default is the services that there are where no file names any.
func Default() *Directory {
	d := new(Directory)
	for number := proto.ServiceType_SERVICE_TYPE_GENERAL; number <= proto.ServiceType_SERVICE_TYPE_COMPLAINTS; number++ {
		d.list = append(d.list, Service{Number: number})
	}
	return d
}

// All returns them in the order in which they are shown, to be read only.
func (d *Directory) All() []Service { return d.list }

// Numbers returns theirs, in the same order.
func (d *Directory) Numbers() []proto.ServiceType {
	numbers := make([]proto.ServiceType, len(d.list))
	for i, s := range d.list {
		numbers[i] = s.Number
	}
	return numbers
}

// Names returns all that they are called, in any language, in any order.
func (d *Directory) Names() (names []string) {
	for _, s := range d.list {
		for _, name := range s.Name {
			names = append(names, name)
		}
	}
	return names
}

// At reports whether somebody answers for the service at a time, and when that
// changes next; the zero time if it never does.
func (s Service) At(t time.Time) (open bool, changes time.Time) {
	if s.Hours == nil {
		return true, time.Time{}
	}
	return s.Hours.at(t)
}
