// Requests get the page that they name, or are told why not.
#include "admin/admin_pages.hpp"

#include <array>

#include <gtest/gtest.h>

namespace c1m::admin {
namespace {

AdminAnswer ask(std::string_view method, std::string_view target) {
  const std::array<AdminPage, 3> pages{{
      {.path = "/a", .answer = [] { return text_answer(200, "first\n"); }},
      {.path = "/b", .answer = [] { return text_answer(503, "not yet\n"); }},
      {.path = "/c", .answer = [] { return text_answer(200, "third\n"); }},
  }};
  return answer_from(pages, method, target);
}

TEST(AdminPages, GiveThePageOfThePath) {
  EXPECT_EQ(ask("GET", "/a").body, "first\n");
  EXPECT_EQ(ask("GET", "/b").status, 503);
  EXPECT_EQ(ask("HEAD", "/c?x=/a").body, "third\n") << "a query is no part of the path";
}

TEST(AdminPages, SayWhichThereAre) {
  for (const char* path : {"/", "", "/a/", "/ab", "a"}) {
    EXPECT_EQ(ask("GET", path).status, 404) << path;
  }
  EXPECT_EQ(ask("GET", "/x?y").body, "nothing at /x; there are /a, /b and /c\n");
}

TEST(AdminPages, AllowReadingOnly) {
  EXPECT_EQ(ask("POST", "/a").status, 405);
  EXPECT_EQ(ask("POST", "/a").allow, "GET, HEAD");
  EXPECT_EQ(ask("POST", "/x").status, 404);
}

}  // namespace
}  // namespace c1m::admin
