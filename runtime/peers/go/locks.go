// The operations of runtime/lock_bench.cpp in Go, in the same form: see primitives.go, which runs them.
package main

import (
	"sync"
	"testing"
)

func mutexAlone(b *testing.B, _ counters) {
	var mutex sync.Mutex
	for i := 0; i < b.N; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
}

func readLockAlone(b *testing.B, _ counters) {
	var mutex sync.RWMutex
	for i := 0; i < b.N; i++ {
		mutex.RLock()
		mutex.RUnlock()
	}
}

func writeLockAlone(b *testing.B, _ counters) {
	var mutex sync.RWMutex
	for i := 0; i < b.N; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
}

func onceDone(b *testing.B, _ counters) {
	var once sync.Once
	calls := 0
	for i := 0; i < b.N; i++ {
		once.Do(func() { calls++ })
	}
}

// 8 goroutines, 10,000 turns each; the time of one is divided in main().
const contenders, turns = 8, 10_000

func contend(b *testing.B, turn func()) {
	for i := 0; i < b.N; i++ {
		var group sync.WaitGroup
		group.Add(contenders)
		for j := 0; j < contenders; j++ {
			go func() {
				for round := 0; round < turns; round++ {
					turn()
				}
				group.Done()
			}()
		}
		group.Wait()
	}
}

func mutexBy8(b *testing.B, _ counters) {
	var mutex sync.Mutex
	counter := 0
	contend(b, func() {
		mutex.Lock()
		counter++
		mutex.Unlock()
	})
}

func readLockBy8(b *testing.B, _ counters) {
	var mutex sync.RWMutex
	contend(b, func() {
		mutex.RLock()
		mutex.RUnlock()
	})
}

func conditionRoundTrip(b *testing.B, _ counters) {
	var mutex sync.Mutex
	changed := sync.NewCond(&mutex)
	turn := 0
	passOn := func(mine int) bool {
		mutex.Lock()
		defer mutex.Unlock()
		for turn != mine && turn != 2 {
			changed.Wait()
		}
		if turn == 2 {
			return false
		}
		turn = 1 - mine
		changed.Signal()
		return true
	}
	ended := make(chan bool)
	go func() {
		for passOn(1) {
		}
		ended <- true
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		passOn(0)
	}
	b.StopTimer()
	mutex.Lock()
	turn = 2
	mutex.Unlock()
	changed.Signal()
	<-ended
}
