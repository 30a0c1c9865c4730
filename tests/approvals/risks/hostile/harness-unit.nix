{ config, lib, pkgs, ... }:
{
  systemd.services.hive-ag3nt.environment.HIVE_LABEL = "bob";
}
