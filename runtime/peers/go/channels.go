// The operations of runtime/channel_bench.cpp in Go: the same work in the same form. See primitives.go.
package main

import (
	"sync"
	"testing"
	"time"
)

const room = 128

func channelPingPong(b *testing.B, _ counters) {
	there := make(chan int)
	back := make(chan int)
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		for value := range there {
			back <- value
		}
		ended.Done()
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		there <- 1
		<-back
	}
	b.StopTimer()
	close(there)
	ended.Wait()
}

// A value, or nothing when the channel is closed.
func receiveBefore(limit time.Duration, channel chan int) (int, bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case value, open := <-channel:
		return value, open
	case <-timer.C:
		panic("the other side answers in time")
	}
}

func channelPingPongWithLimits(b *testing.B, _ counters) {
	const limit = 10 * time.Second
	there := make(chan int)
	back := make(chan int)
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		for {
			value, open := receiveBefore(limit, there)
			if !open {
				break
			}
			back <- value
		}
		ended.Done()
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		there <- 1
		receiveBefore(limit, back)
	}
	b.StopTimer()
	close(there)
	ended.Wait()
}

func channelBuffered(b *testing.B, _ counters) {
	channel := make(chan int, room)
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		for range channel {
		}
		ended.Done()
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		channel <- 1
	}
	b.StopTimer()
	close(channel)
	ended.Wait()
}

// The time of one is that of a batch, divided in main().
const valuesABatch = 4096

func channelManyToMany(b *testing.B, _ counters) {
	const pairs = 4
	for i := 0; i < b.N; i++ {
		channel := make(chan int, room)
		var sent, ended sync.WaitGroup
		sent.Add(pairs)
		ended.Add(pairs)
		for pair := 0; pair < pairs; pair++ {
			go func() {
				for n := 0; n < valuesABatch/pairs; n++ {
					channel <- 1
				}
				sent.Done()
			}()
			go func() {
				for range channel {
				}
				ended.Done()
			}()
		}
		sent.Wait()
		close(channel)
		ended.Wait()
	}
}

func selectReady(b *testing.B, _ counters) {
	full := make(chan int, 1)
	empty := make(chan int)
	for i := 0; i < b.N; i++ {
		full <- 1
		select {
		case <-full:
		case <-empty:
		}
	}
}

func selectWaiting(b *testing.B, _ counters) {
	one := make(chan int)
	two := make(chan int)
	stop := make(chan int)
	var ended sync.WaitGroup
	ended.Add(1)
	go func() {
		defer ended.Done()
		for {
			select {
			case one <- 1:
			case <-stop:
				return
			}
			select {
			case two <- 1:
			case <-stop:
				return
			}
		}
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		select {
		case <-one:
		case <-two:
		}
	}
	b.StopTimer()
	close(stop)
	ended.Wait()
}
