// The operations of runtime/primitives_bench.cpp in Go, standard library only: the same work in the
// same form. `primitives -operation NAME -processors N` prints one JSON object. Not here: comparing;
// `./c1m compare-go` does.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
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
	var gate, ended sync.WaitGroup
	gate.Add(1)
	ended.Add(coroutines)
	begin := time.Now()
	for i := 0; i < coroutines; i++ {
		go func() {
			gate.Wait()
			ended.Done()
		}()
		if i%1000 == 999 {
			runtime.Gosched()
		}
	}
	found["creation_ns"] = float64(time.Since(begin)) / coroutines
	for i := 0; i < 3; i++ {
		runtime.Gosched()
	}
	found["bytes_each"] = (memoryBytes() - before) / coroutines
	gate.Done()
	ended.Wait()
}

// What is repeated until the time is long enough, and what is done once.
var timed = map[string]func(*testing.B, counters){
	"spawn_and_join":              spawnAndJoin,
	"spawn_many_and_join":         spawnManyAndJoin,
	"yield_among_two_a_processor": yieldAmongTwoAProcessor,
	"skynet_of_a_million":         skynetOfAMillion,
}
var once = map[string]func(*testing.B, counters){
	"sleep_of_a_millisecond": sleepOfAMillisecond,
	"park_a_million":         parkAMillion,
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
		if *operation == "spawn_many_and_join" {
			found["ns"] /= batch
		}
	} else if run, ok := once[*operation]; ok {
		run(nil, found)
	} else {
		fmt.Fprintf(os.Stderr, "primitives: unknown operation %q\n", *operation)
		os.Exit(2)
	}
	json.NewEncoder(os.Stdout).Encode(found)
}
