// Package adapter wakes what turns WASI preview 1, which Go's runtime calls, into the host's own interfaces.
//
// At its first call it asks the guest for memory. That can't be while garbage is collected, and a collection begins by
// reading the clock; so it is called before.
package adapter

import (
	_ "go.bytecodealliance.org/pkg/wit/runtime"
	"unsafe"
)

//go:linkname useGCAllocations go.bytecodealliance.org/pkg/wit/runtime.useGCAllocations
var useGCAllocations bool

//go:wasmimport wasi_snapshot_preview1 clock_time_get
//go:noescape
func clockTimeGet(clock uint32, precision uint64, time unsafe.Pointer) uint32

var awake bool

// Wake calls it, if nothing has.
func Wake() {
	if awake {
		return
	}
	awake = true
	// It keeps its memory for as long as the instance lives: that is none to be collected.
	useGCAllocations = false
	var time uint64
	clockTimeGet(1, 1, unsafe.Pointer(&time))
	useGCAllocations = true
}
