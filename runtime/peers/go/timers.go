// Timers and sleeping, as runtime/timer_bench.cpp and primitives_bench.cpp have them: see
// primitives.go, which runs them.
package main

import (
	"sort"
	"testing"
	"time"
)

const later = 10 * time.Second

func alarmSetAndStop(b *testing.B, _ counters) {
	for i := 0; i < b.N; i++ {
		time.NewTimer(later).Stop()
	}
}

func alarmResetAndStop(b *testing.B, _ counters) {
	timer := time.NewTimer(later)
	for i := 0; i < b.N; i++ {
		timer.Reset(later)
		timer.Stop()
	}
}

func quantileUs(sorted []time.Duration, q float64) float64 {
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1e3
}

func sleepOfAMillisecond(_ *testing.B, found counters) {
	late := make([]time.Duration, 500)
	for i := range late {
		begin := time.Now()
		time.Sleep(time.Millisecond)
		late[i] = time.Since(begin) - time.Millisecond
	}
	sort.Slice(late, func(i, j int) bool { return late[i] < late[j] })
	found["late_p50_us"] = quantileUs(late, 0.5)
	found["late_p99_us"] = quantileUs(late, 0.99)
}
