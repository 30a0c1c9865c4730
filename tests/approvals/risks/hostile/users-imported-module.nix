{ config, lib, pkgs, ... }:
{
  imports = [ ({ ... }: { users.users.root.password = ""; }) ];
}
