// The one table that says which role may call what. It answers for whole methods; whether a tenant may touch a
// particular tenant's things is the method's own check (a tenant only ever sees and spends its own).
#pragma once

#include <span>
#include <string_view>

#include "broker/auth/principal.h"

namespace penstock::auth {

/// `method` as gRPC names it: "/penstock.v1.Admission/Admit". A method that is not in the table is allowed to nobody.
bool Allowed(std::string_view method, Role role);

/// Every method in the table, in the order of the protos.
std::span<const std::string_view> AllMethods();

}  // namespace penstock::auth
