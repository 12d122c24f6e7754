package password

// CPUTime returns the processor time of this process.
var CPUTime = cpuTime
