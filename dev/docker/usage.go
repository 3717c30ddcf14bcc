package docker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/docker/docker/api/types/container"

	"sdev/dev"
)

// Sample measures a running container once. CPU usage follows from two samples.
func (e *Engine) Sample(ctx context.Context, name string) (dev.Sample, error) {
	answer, err := e.api.ContainerStatsOneShot(ctx, name)
	if err != nil {
		return dev.Sample{}, engineError("measure "+name, err)
	}
	defer answer.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		return dev.Sample{}, engineError("measure "+name, err)
	}
	used := s.MemoryStats.Usage
	// The docker command subtracts these, with cgroups v1 and v2.
	for _, cache := range []string{"total_inactive_file", "inactive_file"} {
		if n, ok := s.MemoryStats.Stats[cache]; ok && n < used {
			used -= n
			break
		}
	}
	return dev.Sample{At: s.Read, CPU: time.Duration(s.CPUStats.CPUUsage.TotalUsage), Memory: int64(used)}, nil // neither comes near the limit
}
