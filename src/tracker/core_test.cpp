#include "tracker/core.h"

#include <gtest/gtest.h>

#include "tracker/row_codec.h"

namespace ipfsc::tracker {
namespace {

using enum model::TrackerStatus;

const WallTime kNow = from_millis(1'800'000'000'000);
const WallTime kEarlier = from_millis(1'700'000'000'000);
const Moment kMoment{.now = kNow, .random = 1ull << 63};
const RetryOptions kRetry;

constexpr Want kWants[] = {Want::kNothing, Want::kDirect, Want::kRecursive};

/// Every shape that a row can have, and no row.
std::vector<std::optional<Row>> all_rows() {
  std::vector<std::optional<Row>> rows = {std::nullopt};
  for (Want want : kWants) {
    for (Phase phase : {Phase::kSettled, Phase::kQueued, Phase::kWaiting, Phase::kLost}) {
      if (want == Want::kNothing && (phase == Phase::kSettled || phase == Phase::kLost)) continue;
      for (bool holding : {false, true}) {
        if (phase == Phase::kSettled && !holding) continue;
        for (uint32_t attempts : {0u, 3u}) {
          if (phase == Phase::kSettled && attempts > 0) continue;
          if (phase == Phase::kWaiting && attempts == 0) continue;
          Row row{.want = want, .phase = phase, .attempts = attempts, .since = kEarlier};
          if (holding) row.holding_since = kEarlier;
          if (phase == Phase::kWaiting || phase == Phase::kLost) row.next_try = kEarlier + std::chrono::minutes(1);
          if (phase == Phase::kWaiting) row.error = "no", row.failure = Failure::kNotFound;
          rows.push_back(row);
        }
      }
    }
  }
  return rows;
}

std::string show(const std::optional<Row>& row) {
  if (!row) return "no row";
  return fmt::format("want {} phase {} attempts {} holding {}", static_cast<int>(row->want),
                     static_cast<int>(row->phase), row->attempts, row->holding_since.has_value());
}

/// What holds for every step.
void check_step(const std::optional<Row>& before, const Step& step) {
  SCOPED_TRACE(show(before) + " -> " + show(step.row));
  bool held_before = before && before->holding_since;
  bool held_after = step.row && step.row->holding_since;
  if (step.ended) {
    EXPECT_TRUE(held_before);
    EXPECT_FALSE(held_after);
    EXPECT_EQ(step.ended->from, *before->holding_since);
    EXPECT_EQ(step.ended->to, kNow);
  } else if (held_before) {
    EXPECT_TRUE(held_after) << "the journal misses the end of a holding";
  }
  if (!step.row) return;
  const Row& row = *step.row;
  switch (row.phase) {
    case Phase::kSettled:
      EXPECT_NE(row.want, Want::kNothing);
      EXPECT_TRUE(row.holding_since);
      EXPECT_EQ(row.attempts, 0u);
      break;
    case Phase::kQueued:
      EXPECT_TRUE(row.error.empty());
      break;
    case Phase::kWaiting:
      EXPECT_GT(row.attempts, 0u);
      break;
    case Phase::kLost:
      EXPECT_NE(row.want, Want::kNothing);
      break;
  }
  if (!before || row.phase != before->phase) {
    EXPECT_EQ(row.phase == Phase::kWaiting || row.phase == Phase::kLost, row.next_try > kNow);
  }
  EXPECT_EQ(decode_row(encode_row(row)).value(), row);
}

TEST(Core, Wanted) {
  for (const auto& before : all_rows()) {
    for (Want want : kWants) {
      for (bool renewed : {false, true}) {
        SCOPED_TRACE(fmt::format("{}, wanted {} renewed {}", show(before), static_cast<int>(want), renewed));
        Step out = step(before, Wanted{.want = want, .recent = true, .renewed = renewed}, kMoment);
        check_step(before, out);
        EXPECT_FALSE(out.ended) << "nothing is unpinned by wishing";
        if (!before && want == Want::kNothing) {
          EXPECT_FALSE(out.row) << "pins of other peers must cost nothing";
          continue;
        }
        ASSERT_TRUE(out.row) << "a row goes only when the node has said so";
        EXPECT_EQ(out.row->want, want);
        if (!before || before->want != want) {
          EXPECT_EQ(next_of(out.row), Next::kStart);
          EXPECT_EQ(out.row->attempts, 0u);
        } else if (renewed && next_of(before) == Next::kWait) {
          EXPECT_EQ(next_of(out.row), Next::kStart);
          EXPECT_EQ(out.row->attempts, before->attempts);
        } else {
          EXPECT_EQ(out.row, before);
        }
        EXPECT_EQ(step(out.row, Wanted{.want = want, .recent = true}, kMoment).row, out.row) << "twice is once";
      }
    }
  }
}

TEST(Core, AttemptSucceeded) {
  for (const auto& before : all_rows()) {
    for (Want target : kWants) {
      SCOPED_TRACE(fmt::format("{}, reached {}", show(before), static_cast<int>(target)));
      Step out = step(before, Attempted{.target = target}, kMoment, kRetry);
      check_step(before, out);
      Want want = before ? before->want : Want::kNothing;
      if (want == target) {
        EXPECT_EQ(next_of(out.row), Next::kNothing) << "the end is reached";
        EXPECT_EQ(out.row.has_value(), want != Want::kNothing);
      } else {
        ASSERT_TRUE(out.row) << "the node may hold it now";
        EXPECT_EQ(out.row->want, want);
        EXPECT_NE(next_of(out.row), Next::kNothing);
      }
      if (out.row) EXPECT_EQ(out.row->holding_since.has_value(), target != Want::kNothing);
    }
  }
}

TEST(Core, AttemptFailed) {
  for (const auto& before : all_rows()) {
    for (Want target : kWants) {
      for (int kind = 1; kind <= 16; ++kind) {
        Error error{static_cast<ErrorKind>(kind), "because"};
        SCOPED_TRACE(fmt::format("{}, failed to reach {}: {}", show(before), static_cast<int>(target), kind));
        Step out = step(before, Attempted{.target = target, .error = error, .bytes = 7}, kMoment, kRetry);
        check_step(before, out);
        EXPECT_FALSE(out.ended);
        ASSERT_EQ(out.row.has_value(), before.has_value());
        if (!before) continue;
        EXPECT_EQ(out.row->want, before->want);
        if (before->want != target) {
          EXPECT_NE(next_of(out.row), Next::kNothing) << "what the stale attempt did is not known";
        } else if (before->phase == Phase::kSettled) {
          EXPECT_EQ(out.row, before);
        } else if (error.kind == ErrorKind::kCancelled) {
          EXPECT_EQ(next_of(out.row), Next::kStart);
          EXPECT_EQ(out.row->attempts, before->attempts) << "not counted";
        } else {
          EXPECT_EQ(out.row->phase, Phase::kWaiting);
          EXPECT_EQ(out.row->attempts, before->attempts + 1);
          EXPECT_EQ(out.row->error, "because");
          EXPECT_EQ(out.row->bytes, 7u);
          EXPECT_LE(out.row->next_try, kNow + longest_delay(kRetry));
        }
      }
    }
  }
}

TEST(Core, Recover) {
  for (const auto& before : all_rows()) {
    SCOPED_TRACE(show(before));
    Step out = step(before, Recover{}, kMoment);
    check_step(before, out);
    if (next_of(before) != Next::kWait) {
      EXPECT_EQ(out.row, before);
    } else {
      EXPECT_EQ(next_of(out.row), Next::kStart);
      EXPECT_EQ(out.row->want, before->want);
      EXPECT_EQ(out.row->attempts, before->attempts);
    }
  }
}

TEST(Core, Observed) {
  for (const auto& before : all_rows()) {
    for (Want held : kWants) {
      for (bool remove : {false, true}) {
        SCOPED_TRACE(fmt::format("{}, the node holds {} remove {}", show(before), static_cast<int>(held), remove));
        Step out = step(before, Observed{.held = held, .remove_orphan = remove}, kMoment, kRetry);
        check_step(before, out);
        if (!before) {
          EXPECT_EQ(out.finding, held == Want::kNothing ? Finding::kNone : Finding::kOrphan);
          ASSERT_EQ(out.row.has_value(), remove && held != Want::kNothing);
          if (out.row) EXPECT_EQ(row_status(*out.row), kUnpinQueued);
        } else if (before->phase == Phase::kSettled) {
          EXPECT_EQ(out.finding, held == before->want ? Finding::kNone : Finding::kLost);
          if (held == Want::kNothing) {
            EXPECT_EQ(row_status(*out.row), kUnexpectedlyUnpinned);
            EXPECT_EQ(out.ended->ended, Holding::kLost);
          } else if (held != before->want) {
            EXPECT_EQ(row_status(*out.row), kPinQueued) << "held in the wrong mode";
          }
        } else if (held == before->want) {
          EXPECT_EQ(next_of(out.row), Next::kNothing);
          EXPECT_EQ(out.row.has_value(), held != Want::kNothing);
          EXPECT_EQ(out.finding, held != Want::kNothing ? Finding::kGained : Finding::kNone);
        } else {
          EXPECT_EQ(out.row, before);
        }
      }
    }
  }
}

TEST(Core, StatusOfEveryCombination) {
  std::vector<Wish> wishes = {{}, {.in_pinset = true}, {.in_pinset = true, .meta = true}};
  for (Want want : {Want::kDirect, Want::kRecursive}) wishes.push_back({.in_pinset = true, .want = want});
  for (const auto& row : all_rows()) {
    for (const Wish& wish : wishes) {
      for (int target = -1; target <= 2; ++target) {
        Running running{.target = static_cast<Want>(std::max(target, 0))};
        const Running* attempt = target < 0 ? nullptr : &running;
        const Row* r = row ? &*row : nullptr;
        auto status = status_of(wish, r, attempt);
        SCOPED_TRACE(fmt::format("{}, wish {} meta {}, attempt {}: {}", show(row), static_cast<int>(wish.want),
                                 wish.meta, target, model::to_string(status)));
        auto shown = describe(wish, r, attempt, {.now = kNow});
        EXPECT_EQ(shown.status, status);
        EXPECT_TRUE(shown.timestamp || !wish.timestamp);
        if (status == kPinned) {
          EXPECT_TRUE(row && row->phase == Phase::kSettled && row->want == wish.want);
        }
        if (status == kPinning) EXPECT_TRUE(attempt && attempt->target == wish.want);
        if (status == kRemote) EXPECT_TRUE(!row && wish.in_pinset && wish.want == Want::kNothing);
        if (status == kUnpinned) EXPECT_FALSE(row || wish.in_pinset);
        bool error = status == kPinError || status == kUnpinError || status == kUnexpectedlyUnpinned;
        EXPECT_EQ(error, !shown.error.empty()) << "an error has its text, and nothing else has";
        bool settled = status == kPinned || status == kRemote || status == kSharded || status == kUnpinned;
        EXPECT_EQ(settled, shown.reason.empty()) << "no status without a reason";
        if (wish.want != Want::kNothing) {
          EXPECT_TRUE(
              (kPinned | kPinError | model::StatusSet(kPinQueued) | kPinning | kUnexpectedlyUnpinned).has(status));
        }
      }
    }
  }
}

TEST(Core, Reasons) {
  ShowContext context{.now = kNow};
  Wish wish{.in_pinset = true, .want = Want::kRecursive, .timestamp = kEarlier};
  Row row{.want = Want::kRecursive, .recent = true, .since = kEarlier};
  EXPECT_EQ(describe(wish, &row, nullptr, context).reason, "waits for a free place");
  EXPECT_TRUE(describe(wish, &row, nullptr, context).priority_pin);
  context.paused_pins = "the IPFS node's disk is full";
  EXPECT_EQ(describe(wish, &row, nullptr, context).reason, "the IPFS node's disk is full");

  auto failed = step(row, Attempted{.target = Want::kRecursive, .error = Error{ErrorKind::kNotFound, "no provider"}},
                     Moment{.now = kNow}, kRetry);
  auto shown = describe(wish, &*failed.row, nullptr, context);
  EXPECT_EQ(shown.error, "no provider");
  EXPECT_EQ(shown.reason, "content not found, 1 try, next at 2027-01-15T08:00:10Z");
  EXPECT_EQ(shown.next_try, kNow + std::chrono::seconds(10));
  EXPECT_EQ(shown.attempt_count, 1u);

  Running running{.target = Want::kRecursive,
                  .since = kNow,
                  .bytes = 1'200'000'000,
                  .idle = std::chrono::milliseconds(3400),
                  .current = "from gateway.example"};
  shown = describe(wish, &*failed.row, &running, context);
  EXPECT_EQ(shown.reason, "fetching, 1.2 GB, last block 3 s ago: from gateway.example");
  EXPECT_EQ(shown.attempt_count, 2u);
  EXPECT_EQ(shown.bytes, 1'200'000'000u);
  EXPECT_EQ(shown.error, "");
}

TEST(Core, DamagedRowsAreRefused) {
  Row row{.want = Want::kRecursive, .phase = Phase::kWaiting, .attempts = 300, .since = kNow, .error = "x"};
  row.next_try = kNow;
  row.holding_since = kEarlier;
  Bytes good = encode_row(row);
  EXPECT_EQ(decode_row(good).value(), row);
  size_t fixed = good.size() - row.error.size();
  for (size_t n = 0; n < fixed; ++n) EXPECT_FALSE(decode_row(ByteView(good).substr(0, n))) << n;
  EXPECT_EQ(decode_row("\xff").error().kind, ErrorKind::kDataLoss);
  Row settled{.want = Want::kRecursive, .phase = Phase::kSettled, .since = kNow, .holding_since = kNow};
  EXPECT_EQ(encode_row(settled).size(), 7u);
}

}  // namespace
}  // namespace ipfsc::tracker
