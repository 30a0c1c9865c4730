{ config, lib, pkgs, ... }:
{
  specialisation.x.configuration = { users.users.root.password = ""; };
}
