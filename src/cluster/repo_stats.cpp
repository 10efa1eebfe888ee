#include "cluster/repo_stats.h"

#include "base/gather.h"
#include "cluster/members.h"
#include "proto/repo.pb.h"

namespace ipfsc::cluster {
namespace {

constexpr std::string_view kStat = "Ipfs/Stat";

Task<Bytes> answer(ipfs::IpfsNode& node) {
  CO_TRY_ASSIGN(auto stat, co_await node.stat());
  proto::StatAnswer answer;
  answer.set_repo_size_bytes(stat.repo_size_bytes);
  answer.set_storage_max_bytes(stat.storage_max_bytes);
  answer.set_num_objects(stat.num_objects);
  co_return answer.SerializeAsString();
}

}  // namespace

void RepoStats::serve(rpc::Router& router) {
  router.add_unary(std::string(kStat), rpc::Access::kMember, [this](rpc::CallInfo, Bytes) { return answer(node_); });
}

Task<ipfs::RepoStat> RepoStats::at(ipld::PeerId peer) {
  CO_TRY_ASSIGN(auto bytes, co_await client_.call(peer, kStat, {}, runtime_.now() + options_.peer_timeout));
  proto::StatAnswer answer;
  if (!answer.ParseFromString(bytes)) co_return fail(ErrorKind::kInternal, "the peer's answer is damaged");
  co_return ipfs::RepoStat{.repo_size_bytes = answer.repo_size_bytes(),
                           .storage_max_bytes = answer.storage_max_bytes(),
                           .num_objects = answer.num_objects()};
}

Task<ipfs::RepoStat> RepoStats::sum() {
  std::vector<Task<ipfs::RepoStat>> stats;
  stats.push_back(node_.stat());
  for (const auto& peer : other_members(state_, options_.self)) stats.push_back(at(peer));
  ipfs::RepoStat sum;
  std::optional<Error> error;
  bool any = false;
  for (auto& stat : co_await gather(runtime_, std::move(stats))) {
    if (!stat) {
      if (stat.error().kind == ErrorKind::kCancelled) co_return std::move(stat);
      if (!error) error = std::move(stat.error());
      continue;
    }
    any = true;
    sum.repo_size_bytes += stat->repo_size_bytes;
    sum.storage_max_bytes += stat->storage_max_bytes;
    sum.num_objects += stat->num_objects;
  }
  if (!any) co_return fail(*std::move(error));
  co_return sum;
}

}  // namespace ipfsc::cluster
