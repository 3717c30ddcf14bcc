package process

import (
	"context"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"sdev/dev"
)

// Sample measures a running container once: its first process and those that descend from it. Memory that they share counts
// once for each. CPU time of a process that has ended counts no more.
func (r *Runtime) Sample(ctx context.Context, id string) (dev.Sample, error) {
	c, err := r.running(id)
	if err != nil {
		return dev.Sample{}, err
	}
	all, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return dev.Sample{}, &dev.Error{Code: dev.CodeEngine, Exit: dev.ExitFailed, Cause: err, Message: dev.Line("cannot measure %s: %v", c.Name, err)}
	}
	sample := dev.Sample{At: time.Now()}
	for _, p := range family(ctx, all, int32(c.lastRun().PID)) {
		if times, err := p.TimesWithContext(ctx); err == nil { // it may have ended meanwhile
			sample.CPU += time.Duration((times.User + times.System) * float64(time.Second))
		}
		if memory, err := p.MemoryInfoWithContext(ctx); err == nil {
			sample.Memory += int64(memory.RSS)
		}
	}
	return sample, nil
}

// family returns a process and those that descend from it. On Windows, the number of a parent may be that of a newer process,
// so nobody counts twice.
func family(ctx context.Context, all []*process.Process, first int32) (out []*process.Process) {
	children := map[int32][]*process.Process{}
	for _, p := range all {
		if p.Pid == first {
			out = append(out, p)
		}
		if parent, err := p.PpidWithContext(ctx); err == nil {
			children[parent] = append(children[parent], p)
		}
	}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].Pid]...)
		delete(children, out[i].Pid)
	}
	return out
}
