// The worker pool of runtime/pool_bench.cpp in Go, in the same form: see primitives.go, which runs it.
package main

import (
	"runtime"
	"sync"
	"testing"
	"time"
)

func mix(number uint64) uint64 {
	number = (number ^ number>>30) * 0xbf58476d1ce4e5b9
	number = (number ^ number>>27) * 0x94d049bb133111eb
	return number ^ number>>31
}

func poolOfAMillionBy2(_ *testing.B, found counters) { poolOfAMillion(2, found) }
func poolOfAMillionBy4(_ *testing.B, found counters) { poolOfAMillion(4, found) }

func poolOfAMillion(workersAProcessor int, found counters) {
	const count, queueMax = 1_000_000, 5000
	before := memoryBytes()
	begin := time.Now()
	tasks := make(chan uint64, queueMax)
	results := make(chan uint64, queueMax)
	var workers sync.WaitGroup
	for i := 0; i < workersAProcessor*runtime.GOMAXPROCS(0); i++ {
		workers.Add(1)
		go func() {
			for task := range tasks {
				results <- mix(task)
			}
			workers.Done()
		}()
	}
	go func() {
		workers.Wait()
		close(results)
	}()
	go func() {
		for task := uint64(0); task < count; task++ {
			tasks <- task
		}
		close(tasks)
	}()
	received := 0
	sum := uint64(0)
	afterATenth := 0.0
	for result := range results {
		sum += result
		received++
		if received == count/10 {
			afterATenth = memoryBytes()
		}
	}
	found["task_ns"] = float64(time.Since(begin)) / count
	after := memoryBytes()
	found["rss_bytes"] = after
	found["grown_bytes"] = max(after-before, 0)
	found["grown_later_bytes"] = max(after-afterATenth, 0)
	wanted := uint64(0)
	for task := uint64(0); task < count; task++ {
		wanted += mix(task)
	}
	if received != count || sum != wanted {
		panic("every result arrives once")
	}
}
