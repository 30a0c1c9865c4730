{ ... }:
let
  module = { security.sudo.wheelNeedsPassword = false; };
in
module
