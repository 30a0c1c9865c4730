{ config, lib, pkgs, ... }:
{
  hyperhive.driver = "claude";                                                                                                                        hyperhive.network = "host";
}
