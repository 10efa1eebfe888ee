// GET /openapi.json and GET /docs, which shows it.
#include <array>

#include "api/rest/context.h"
#include "api/rest/docs_page.h"
#include "api/rest/errors.h"
#include "api/rest/openapi.h"
#include "base/version.h"

namespace ipfsc::api::rest {
namespace {

/// By whether there are users; made when it is asked for first.
using Documents = std::array<std::string, 2>;

Task<> get_document(RestContext& context, Documents& documents, net::Response& response) {
  auto& text = documents[context.has_users ? 1 : 0];
  if (text.empty()) {
    text = openapi_document(context.routes->all(), {.version = kVersion, .has_users = context.has_users});
    text += '\n';
  }
  co_return response.send(200, text, kJson);
}

Task<> get_page(RestContext&, net::Response& response) {
  response.set_header("Content-Security-Policy",
                      "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'");
  co_return response.send(200, kDocsPage, "text/html; charset=utf-8");
}

}  // namespace

void add_document_routes(Routes& routes) {
  auto documents = std::make_shared<Documents>();
  routes.add("GET", "/openapi.json",
             {.tag = kTagDocument, .summary = "This API as OpenAPI 3.1", .answer = {"The document.", "Document"}},
             [documents](RestContext& context, net::Response& response) {
               return get_document(context, *documents, response);
             });
  routes.add("GET", "/docs",
             {.tag = kTagDocument, .summary = "This API as a page", .answer = {"The page.", {}, Form::kHtml}},
             &get_page);
}

}  // namespace ipfsc::api::rest
