// A made-up program's command lines: completion, hints, help.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cmd/cli/closest.h"
#include "cmd/cli/completion.h"
#include "cmd/cli/go_style.h"
#include "cmd/cli/values.h"

namespace ipfsc::cmd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class Cli : public ::testing::Test {
 protected:
  Cli() {
    root_.set_help_flag("");
    root_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    takes_one_of(root_.add_option("--encoding,--enc", encoding_, "format"), {"text", "json"})->envname("CLI_TEST_ENC");
    root_.add_flag("--quiet,-q", quiet_, "say less");
    auto* fetch = root_.add_subcommand("fetch", "Fetch something");
    takes_folder(fetch->add_option("--into", text_, "where to"));
    takes_list_of(fetch->add_option("--types,-t", text_, "which"), {"red", "green", "red-green"});
    fetch->add_option("--label", text_, "repeated")->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    fetch->add_flag("--secretly", quiet_, "not shown")->group("");
    takes_one_of(add_argument(fetch), {"near", "far"});
    takes_file(add_argument(fetch, /*many=*/true));
    auto* group = root_.add_subcommand("group", "Several");
    group->add_subcommand("one", "The first");
    group->add_subcommand("hidden", "Not shown")->group("");
    declare_completion(root_);
  }

  std::vector<std::string> candidates(std::vector<std::string> words) {
    std::vector<std::string> out;
    std::istringstream lines(complete(root_, words));
    for (std::string line; std::getline(lines, line);) out.push_back(line.substr(0, line.find('\t')));
    return out;
  }
  Ending ending(std::vector<std::string> words) {
    auto selected = parse_go_style(root_, words, {.version = "1.2.3"});
    return selected ? Ending{-1} : selected.error();
  }

  std::string encoding_, text_;
  bool quiet_ = false;
  CLI::App root_{"a program", "prog"};
};

TEST_F(Cli, CompletesCommands) {
  EXPECT_THAT(candidates({""}), ElementsAre("words", "fetch", "group", "completion", "help"));
  EXPECT_THAT(complete(root_, {""}), HasSubstr("fetch\tFetch something\n"));
  EXPECT_THAT(candidates({"group", "o"}), ElementsAre("words", "one", "help"));
  EXPECT_THAT(candidates({"help", "group", ""}), ElementsAre("words", "one", "help"));
  EXPECT_THAT(candidates({"--quiet", "--enc", "json", "group", ""}), ElementsAre("words", "one", "help"));
  EXPECT_THAT(candidates({"nonsense", ""}), ElementsAre("words"));
  EXPECT_THAT(candidates({"group", "one", ""}), ElementsAre("words"));
}

TEST_F(Cli, CompletesOptions) {
  EXPECT_THAT(candidates({"-"}), ElementsAre("words", "--encoding", "--enc", "--quiet", "--help", "--version"));
  EXPECT_THAT(candidates({"-q"}), ElementsAre("words", "-encoding", "-enc", "-quiet", "-q", "-help", "-version"));
  EXPECT_THAT(candidates({"-q", "--enc=json", "--"}), ElementsAre("words", "--help", "--version"));
  EXPECT_THAT(candidates({"fetch", "--label", "x", "--"}),
              ElementsAre("words", "--into", "--types", "--label", "--help"));
  EXPECT_THAT(candidates({"fetch", "--", "--"}), ElementsAre("words", "near", "far"));  // no options any more
}

TEST_F(Cli, CompletesValues) {
  EXPECT_THAT(candidates({"--enc", ""}), ElementsAre("words", "text", "json"));
  EXPECT_THAT(candidates({"--enc=j"}), ElementsAre("words", "--enc=text", "--enc=json"));
  EXPECT_THAT(candidates({
                  "--quiet=",
              }),
              ElementsAre("words", "--quiet=true", "--quiet=false"));
  EXPECT_THAT(candidates({"fetch", "--into", ""}), ElementsAre("folders"));
  EXPECT_THAT(candidates({"fetch", "-into="}), ElementsAre("folders"));
  EXPECT_THAT(candidates({"fetch", "--types", ""}), ElementsAre("list", "red", "green", "red-green"));
  EXPECT_THAT(candidates({"fetch", "-t", "red,"}), ElementsAre("list", "red,green", "red,red-green"));
  EXPECT_THAT(candidates({"fetch", "--types=red-green,g"}),
              ElementsAre("list", "--types=red-green,red", "--types=red-green,green"));
  EXPECT_THAT(candidates({"fetch", "-t", "part:g"}), ElementsAre("list", "part:red", "part:green", "part:red-green"));
  EXPECT_THAT(candidates({"fetch", "--label", ""}), ElementsAre("words"));
}

TEST_F(Cli, CompletesArguments) {
  EXPECT_THAT(candidates({"fetch", ""}), ElementsAre("words", "near", "far"));
  EXPECT_THAT(candidates({"fetch", "far", ""}), ElementsAre("files"));
  EXPECT_THAT(candidates({"fetch", "far", "a", "--types", "red", "b", ""}), ElementsAre("files"));
  EXPECT_THAT(candidates({}), ElementsAre("words", "fetch", "group", "completion", "help"));
}

TEST_F(Cli, AnswersTheShells) {
  EXPECT_EQ(ending({"__complete", "group", "o"}).out, complete(root_, {"group", "o"}));
  for (std::string shell : {"bash", "zsh", "fish"}) {
    auto script = ending({"completion", shell});
    EXPECT_EQ(script.exit_code, 0);
    EXPECT_THAT(script.out,
                AllOf(HasSubstr("prog"), HasSubstr("__complete"), Not(HasSubstr("NAME")), Not(HasSubstr("FUNCTION"))));
  }
  EXPECT_EQ(ending({"completion", "csh"}).exit_code, 3);
  EXPECT_THAT(ending({"completion"}).out, HasSubstr("COMMANDS:"));
}

TEST_F(Cli, SaysWhatWasMeant) {
  EXPECT_EQ(ending({"fetsh"}).err, "No help topic for 'fetsh'\ndid you mean \"fetch\"?\n");
  EXPECT_EQ(ending({"group", "two"}).err, "No help topic for 'two'\n");
  EXPECT_EQ(ending({"group", "hiddn"}).err, "No help topic for 'hiddn'\n");
  auto option = ending({"--encodng", "json"});
  EXPECT_EQ(option.exit_code, 1);
  EXPECT_THAT(option.out, StartsWith("Incorrect Usage. flag provided but not defined: -encodng\n\nNAME:"));
  EXPECT_EQ(option.err, "did you mean --encoding?\n");
  EXPECT_EQ(ending({"fetch", "--type=red"}).err, "did you mean --types?\n");
  EXPECT_EQ(ending({"fetch", "--secretl"}).err, "");
  EXPECT_EQ(ending({"fetch", "-enc", "json"}).err, "-enc is a global option: it stands before the command\n");
}

TEST_F(Cli, ArgumentsThatAreDeclaredAreNoOptions) {
  auto selected = parse_go_style(root_, {"fetch", "x", "--types", "red", "y"}, {.version = "1"});
  ASSERT_TRUE(selected);
  EXPECT_THAT(selected->arguments, ElementsAre("x", "y"));
  EXPECT_EQ(text_, "red");
  EXPECT_THAT(ending({"fetch", "--help"}).out, Not(HasSubstr("argument")));
  EXPECT_THAT(ending({"fetch", "--argument3"}).out, StartsWith("Incorrect Usage:"));
}

TEST_F(Cli, SaysWhatCameFromTheEnvironment) {
  ::setenv("CLI_TEST_ENC", "json", 1);
  auto selected = parse_go_style(root_, {"group", "one"}, {.version = "1"});
  ASSERT_TRUE(selected);
  EXPECT_EQ(encoding_, "json");
  EXPECT_EQ(selected->from_environment.size(), 1u);
  ::unsetenv("CLI_TEST_ENC");
}

TEST(Closest, CountsEdits) {
  std::vector<std::string> words{"add", "pin", "status", "peers", "movements"};
  EXPECT_EQ(closest("stauts", words), "status");
  EXPECT_EQ(closest("ad", words), "add");
  EXPECT_EQ(closest("pins", words), "pin");
  EXPECT_EQ(closest("move", words), "movements");
  EXPECT_EQ(closest("p", words), std::nullopt);
  EXPECT_EQ(closest("nonsense", words), std::nullopt);
  EXPECT_EQ(closest(std::string(100, 'x'), words), std::nullopt);
}

}  // namespace
}  // namespace ipfsc::cmd
