// links: api
#include "api/pinning/parse.h"
#include "api/rest/query_options.h"
#include "base/check.h"

using namespace ipfsc;
using namespace ipfsc::api::rest;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto query = net::Query::parse(as_bytes(data, size));
  if (!query) return 0;
  const WallTime now(std::chrono::seconds(1'700'000'000));
  if (auto options = parse_pin_options(*query, now)) {
    for (const auto& [key, value] : options->metadata) CHECK(!key.empty());
    for (const auto& origin : options->origins) CHECK(!origin.empty());
    CHECK(!options->expire_at || query->has("expire-at") || *options->expire_at >= now + std::chrono::seconds(1));
  }
  if (auto add = parse_add_query(*query, now)) CHECK(!add->params.pin.pin_update);
  if (auto page = parse_page(*query)) CHECK(page->limit != 0u);
  if (auto list = parse_allocation_query(*query, now)) {
    CHECK(!list->list.at || *list->list.at <= now);
    CHECK(list->page.metadata.size() <= kMostMetadataFilters);
  }
  if (auto list = api::pinning::parse_list_query(*query)) {
    CHECK(list->limit >= 1 && list->limit <= api::pinning::kMaxLimit &&
          list->filter.cids.size() <= api::pinning::kMaxCids);
  }
  if (auto types = parse_type_filter(query->value("filter"))) CHECK(*types != 0);
  if (auto cids = parse_cids(query->value("cids"))) {
    for (const auto& cid : *cids) CHECK(!cid.empty());
  }
  return 0;
}
