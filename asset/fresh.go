package asset

import "sync"

// fresh is the images that were written last, oldest first. Most images are fetched within seconds and never again, so the kernel is asked
// to drop the bytes of all others from memory. A new image then gets the memory that an older one had, and whatever else runs on the
// machine keeps its own. An image that is read later is cached as any file is.
type fresh struct {
	mu     sync.Mutex
	images []freshImage
	bytes  int64
}

type freshImage struct {
	name string
	size int64
}

// maxFresh is how many bytes stay in memory.
const maxFresh = 64 << 20

// add adds an image, and takes out those that are fresh no longer.
func (f *fresh) add(name string, size int64) (stale []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.images = append(f.images, freshImage{name, size})
	f.bytes += size
	for f.bytes > maxFresh {
		stale = append(stale, f.images[0].name)
		f.bytes -= f.images[0].size
		f.images = f.images[1:]
	}
	return stale
}

// cool makes the kernel drop the bytes of images from memory; they are on disk. A failure is ignored: nothing depends on it.
func (s *Store) cool(names []string) {
	for _, name := range names {
		if f, err := s.root.Open(name); err == nil { // if not, it has been swept
			uncache(f)
			_ = f.Close()
		}
	}
}
