package chat

import (
	"context"
	"errors"
	"strconv"

	"parley/proto"
	"parley/proto/search"
)

// Index is where the terms of messages are kept, by which a search finds them without reading all. It is derived from
// the history, and made anew where it is lost: it may lag behind, and name what is gone, but what it names is read
// in the history before anybody is told. It holds hashes of terms (search.Filters) and no word.
type Index interface {
	// View runs read on one consistent snapshot, beside updates.
	View(ctx context.Context, read func(IndexView) error) error
	// Update runs change in one transaction, of which nothing is kept if it fails. Updates run one at a time. What
	// a page held that is put again or deleted is nowhere to be read afterwards, that can be helped.
	Update(ctx context.Context, change func(IndexTx) error) error
}

// ErrIndexLost is that an Index cannot be read, and that its next Update begins with an empty one.
var ErrIndexLost = errors.New("the search index is lost")

// IndexView reads one state of an Index.
type IndexView interface {
	// Place returns the zero IndexPlace where nothing is indexed yet.
	Place() (IndexPlace, error)
	// Pages returns the pages of an audience with First < before, the highest first, limit at most. before 0 means
	// no bound.
	Pages(audience string, before uint64, limit int) ([]IndexPage, error)
	// PagesFrom returns pages of all audiences with from <= First < before, in the order of First and audience, of
	// which those come after one that has an audience, too; limit at most.
	PagesFrom(from uint64, after string, before uint64, limit int) ([]IndexPage, error)
}

// IndexTx is an IndexView that writes, and sees what it wrote.
type IndexTx interface {
	IndexView
	PutPlace(IndexPlace) error
	// PutPage puts a page in the place of that of its audience and First.
	PutPage(IndexPage) error
	DeletePage(audience string, first uint64) error
	// Clear deletes everything.
	Clear() error
}

// IndexPlace says what is indexed: the messages of an epoch up to an id, by search.Version.
type IndexPlace struct{ Epoch, Version, Through uint64 }

// IndexPage is what is kept of consecutive messages that the same people may read.
type IndexPage struct {
	// Audience is of whom these are: see audiencesOf.
	Audience string
	// First is the id of the first message that the page was made of, by which it stays known.
	First uint64
	IDs   []uint64 // rising, from First on; pageLength at most
	Terms search.Filters
}

// pageLength is how many messages a page has: as many as in browsers, for which the length of terms is chosen.
const pageLength = 64

// audiencesOf are the names under which the messages of a conversation are indexed: each of two users has those of
// all their conversations together, and so has a customer; a service has what all its customers write and are
// written, a group its own. So a search looks at few of them, and at nothing that others wrote to others.
func audiencesOf(key proto.Key) []string {
	switch key.Kind() {
	case proto.Service:
		return []string{userAudience(key.Customer()), serviceAudience(key.Service())}
	case proto.Group:
		return []string{key.String()}
	}
	return []string{userAudience(key.User(proto.First)), userAudience(key.User(proto.Second))}
}

func userAudience(user uint64) string { return "u:" + strconv.FormatUint(user, 10) }

func serviceAudience(service proto.ServiceType) string { return "s:" + strconv.Itoa(int(service)) }

// noIndex is that of a Service without one.
type noIndex struct{}

func (noIndex) View(_ context.Context, read func(IndexView) error) error { return read(noIndex{}) }

func (noIndex) Place() (IndexPlace, error) { return IndexPlace{}, nil }

func (noIndex) Pages(string, uint64, int) ([]IndexPage, error) { return nil, nil }

func (noIndex) PagesFrom(uint64, string, uint64, int) ([]IndexPage, error) { return nil, nil }

func (noIndex) Update(context.Context, func(IndexTx) error) error { return nil }
