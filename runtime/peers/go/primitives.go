// The operations of runtime/primitives_bench.cpp and scope_bench.cpp in Go, standard library only:
// the same work in the same form; those of channel_bench.cpp, lock_bench.cpp, pool_bench.cpp and
// timer_bench.cpp are in files of these names. `primitives -operation NAME -processors N` prints one JSON object. Not
// here: comparing; `./c1m compare-runtimes` does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// What an operation reports beside its time.
type counters map[string]float64

func spawnAndJoin(b *testing.B, _ counters) {
	for i := 0; i < b.N; i++ {
		var group sync.WaitGroup
		group.Add(1)
		go func() { group.Done() }()
		group.Wait()
	}
}

// The time of one is that of a batch, divided in main().
const batch = 10_000

func spawnManyAndJoin(b *testing.B, _ counters) {
	for i := 0; i < b.N; i++ {
		var group sync.WaitGroup
		group.Add(batch)
		for j := 0; j < batch; j++ {
			go func() { group.Done() }()
		}
		group.Wait()
	}
}

func yieldAmongTwoAProcessor(b *testing.B, _ counters) {
	var done atomic.Bool
	var group sync.WaitGroup
	for i := 1; i < 2*runtime.GOMAXPROCS(0); i++ {
		group.Add(1)
		go func() {
			for !done.Load() {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		runtime.Gosched()
	}
	b.StopTimer()
	done.Store(true)
	group.Wait()
}

func skynet(number, size int64) int64 {
	if size == 1 {
		return number
	}
	const children = 10
	var sums [children]int64
	var group sync.WaitGroup
	group.Add(children)
	for i := int64(0); i < children; i++ {
		go func() {
			sums[i] = skynet(number+i*(size/children), size/children)
			group.Done()
		}()
	}
	group.Wait()
	var sum int64
	for _, each := range sums {
		sum += each
	}
	return sum
}

func skynetOfAMillion(b *testing.B, _ counters) {
	const leaves = 1_000_000
	for i := 0; i < b.N; i++ {
		if skynet(0, leaves) != leaves*(leaves-1)/2 {
			panic("every leaf counts once")
		}
	}
}

// Resident memory and page tables of this process.
func memoryBytes() float64 {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		panic(err)
	}
	defer status.Close()
	sum := 0.0
	for lines := bufio.NewScanner(status); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if name == "VmRSS" || name == "VmPTE" {
			var kib float64
			fmt.Sscan(rest, &kib)
			sum += kib * 1024
		}
	}
	return sum
}

func parkAMillion(_ *testing.B, found counters) {
	const coroutines = 1_000_000
	before := memoryBytes()
	var begun atomic.Uint32
	var gate, ended sync.WaitGroup
	gate.Add(1)
	ended.Add(coroutines)
	begin := time.Now()
	for i := 0; i < coroutines; i++ {
		go func() {
			begun.Add(1)
			gate.Wait()
			ended.Done()
		}()
		if i%64 == 63 {
			runtime.Gosched()
		}
	}
	for begun.Load() < coroutines {
		runtime.Gosched()
	}
	found["creation_ns"] = float64(time.Since(begin)) / coroutines
	found["bytes_each"] = (memoryBytes() - before) / coroutines
	gate.Done()
	ended.Wait()
}

func contextCancel(b *testing.B, _ counters) {
	parent, stop := context.WithCancel(context.Background())
	defer stop()
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithCancel(parent)
		cancel()
	}
}

func contextTimeout(b *testing.B, _ counters) {
	parent, stop := context.WithCancel(context.Background())
	defer stop()
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithTimeout(parent, time.Hour)
		cancel()
	}
}

// As with a batch, the time of one is divided in main().
const children = 1000

func contextCancelOfAThousand(b *testing.B, _ counters) {
	for i := 0; i < b.N; i++ {
		b.StopTimer()
		parent, cancel := context.WithCancel(context.Background())
		var waiting, ended sync.WaitGroup
		waiting.Add(children)
		ended.Add(children)
		for j := 0; j < children; j++ {
			go func() {
				child, stop := context.WithCancel(parent)
				defer stop()
				waiting.Done()
				<-child.Done()
				ended.Done()
			}()
		}
		waiting.Wait()
		for j := 0; j < 3; j++ {
			runtime.Gosched()
		}
		b.StartTimer()
		cancel()
		ended.Wait()
	}
}

func joinAValue(b *testing.B, _ counters) {
	sum := 0
	for i := 0; i < b.N; i++ {
		result := make(chan int, 1)
		go func() { result <- sum + 1 }()
		sum = <-result
	}
}

// errgroup is not in the standard library; this is what it does.
func groupOfAThousand(b *testing.B, _ counters) {
	parent, stop := context.WithCancel(context.Background())
	defer stop()
	for i := 0; i < b.N; i++ {
		_, cancel := context.WithCancel(parent)
		var group sync.WaitGroup
		var first sync.Once
		var failure error
		for j := 0; j < children; j++ {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := succeed(); err != nil {
					first.Do(func() {
						failure = err
						cancel()
					})
				}
			}()
		}
		group.Wait()
		cancel()
		if failure != nil {
			panic(failure)
		}
	}
}

//go:noinline
func succeed() error { return nil }

// What is repeated until the time is long enough, and what is done once.
var timed = map[string]func(*testing.B, counters){
	"spawn_and_join":                spawnAndJoin,
	"spawn_many_and_join":           spawnManyAndJoin,
	"yield_among_two_a_processor":   yieldAmongTwoAProcessor,
	"skynet_of_a_million":           skynetOfAMillion,
	"channel_ping_pong":             channelPingPong,
	"channel_ping_pong_with_limits": channelPingPongWithLimits,
	"channel_buffered":              channelBuffered,
	"channel_many_to_many":          channelManyToMany,
	"select_ready":                  selectReady,
	"select_waiting":                selectWaiting,
	"context_cancel":                contextCancel,
	"context_timeout":               contextTimeout,
	"context_cancel_of_a_thousand":  contextCancelOfAThousand,
	"join_a_value":                  joinAValue,
	"group_of_a_thousand":           groupOfAThousand,
	"mutex_alone":                   mutexAlone,
	"mutex_by_8":                    mutexBy8,
	"read_lock_alone":               readLockAlone,
	"read_lock_by_8":                readLockBy8,
	"write_lock_alone":              writeLockAlone,
	"once_done":                     onceDone,
	"alarm_set_and_stop":            alarmSetAndStop,
	"alarm_reset_and_stop":          alarmResetAndStop,
	"condition_round_trip":          conditionRoundTrip,
}

// How many operations one repetition has, if not one.
var repeats = map[string]float64{
	"spawn_many_and_join":          batch,
	"channel_many_to_many":         valuesABatch,
	"context_cancel_of_a_thousand": children,
	"group_of_a_thousand":          children,
	"mutex_by_8":                   contenders * turns,
	"read_lock_by_8":               contenders * turns,
}
var once = map[string]func(*testing.B, counters){
	"sleep_of_a_millisecond": sleepOfAMillisecond,
	"pool_of_a_million_by_2": poolOfAMillionBy2,
	"pool_of_a_million_by_4": poolOfAMillionBy4,
	// Go has one kind of stack.
	"park_a_million_dedicated": parkAMillion,
	"park_a_million_compact":   parkAMillion,
}

func main() {
	testing.Init()
	operation := flag.String("operation", "", "which one")
	processors := flag.Int("processors", 1, "GOMAXPROCS")
	flag.Parse()
	runtime.GOMAXPROCS(*processors)
	found := counters{}
	if run, ok := timed[*operation]; ok {
		result := testing.Benchmark(func(b *testing.B) { run(b, found) })
		found["ns"] = float64(result.T.Nanoseconds()) / float64(result.N)
		if count, ok := repeats[*operation]; ok {
			found["ns"] /= count
		}
	} else if run, ok := once[*operation]; ok {
		run(nil, found)
	} else {
		fmt.Fprintf(os.Stderr, "primitives: unknown operation %q\n", *operation)
		os.Exit(2)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
