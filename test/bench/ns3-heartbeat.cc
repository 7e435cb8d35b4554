// The bare heartbeat workload on ns-3's own event engine, the yardstick of `bench simulator`:
//
//     ns3-heartbeat <peers> <simulated seconds>
//
// Peers form a tree in which everybody has four children. Each tells its parent once a second that it lives; that takes 10 to 200 ms,
// and the parent notes who and when. No network model, no packets: only events, the same ones as in simulator-heartbeats.ts. An
// event is a heartbeat that is sent or one that arrives. Prints one line of JSON.
#include <sys/resource.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "ns3/core-module.h"

namespace {

constexpr uint32_t kFanOut = 4;
constexpr int64_t kBeatUs = 1000 * 1000;
constexpr int64_t kLeastDelayUs = 10 * 1000;
constexpr int64_t kDelaySpreadUs = 190 * 1000;

// Marsaglia's xorshift, as cheap as on our side: dice are not what is compared.
uint32_t dice = 0x2545f491;
uint32_t RollBelow(uint32_t bound) {
  dice ^= dice << 13;
  dice ^= dice >> 17;
  dice ^= dice << 5;
  return static_cast<uint32_t>((static_cast<uint64_t>(dice) * bound) >> 32);
}

struct Peer {
  uint32_t parent;
  int32_t beats;
  int32_t heard;
  int64_t heardAtUs;
};

std::vector<Peer> peers;
uint64_t events = 0;

void Arrive(uint32_t parent, uint32_t child) {
  ++events;
  ++peers[parent].heard;
  peers[child].heardAtUs = ns3::Simulator::Now().GetMicroSeconds();
}

void Beat(uint32_t self) {
  ++events;
  ++peers[self].beats;
  const int64_t delay_us = kLeastDelayUs + RollBelow(kDelaySpreadUs);
  ns3::Simulator::Schedule(ns3::MicroSeconds(delay_us), &Arrive, peers[self].parent, self);
  ns3::Simulator::Schedule(ns3::MicroSeconds(kBeatUs), &Beat, self);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s <peers> <simulated seconds>\n", argv[0]);
    return 2;
  }
  const uint32_t count = std::strtoul(argv[1], nullptr, 10);
  const uint32_t seconds = std::strtoul(argv[2], nullptr, 10);
  ns3::GlobalValue::Bind("SchedulerType", ns3::StringValue("ns3::PriorityQueueScheduler"));
  peers.resize(count);
  for (uint32_t self = 1; self < count; ++self) {
    peers[self].parent = (self - 1) / kFanOut;
    ns3::Simulator::Schedule(ns3::MicroSeconds(RollBelow(kBeatUs)), &Beat, self);
  }
  ns3::Simulator::Stop(ns3::Seconds(seconds));
  const std::clock_t before = std::clock();
  ns3::Simulator::Run();
  const double cpu_seconds = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("{\"events\":%llu,\"cpuSeconds\":%.6f,\"peakRssBytes\":%lld}\n", static_cast<unsigned long long>(events),
              cpu_seconds, static_cast<long long>(usage.ru_maxrss) * 1024);
  ns3::Simulator::Destroy();
  return 0;
}
