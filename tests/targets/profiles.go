package main

import (
	"os"
	"runtime"
	"runtime/pprof"
	"time"
)

var keep [][]byte

func hold(n int) { keep = append(keep, make([]byte, n)) }

func spin(d time.Duration) int {
	x, end := 0, time.Now().Add(d)
	for time.Now().Before(end) {
		for i := 0; i < 1000; i++ {
			x += i * i
		}
	}
	return x
}

func main() {
	runtime.MemProfileRate = 1
	for i := 0; i < 100; i++ {
		hold(1000 + i)
	}
	cpu, _ := os.Create("cpu.pb.gz")
	pprof.StartCPUProfile(cpu)
	spin(300 * time.Millisecond)
	pprof.StopCPUProfile()
	cpu.Close()
	runtime.GC()
	heap, _ := os.Create("heap.pb.gz")
	pprof.WriteHeapProfile(heap)
	heap.Close()
	g, _ := os.Create("goroutine.pb.gz")
	pprof.Lookup("goroutine").WriteTo(g, 0)
	g.Close()
}
