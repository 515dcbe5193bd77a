//! The type tree of Pod: which fields there are, and how a list of them merges.
//!
//! Generated from the struct tags of k8s.io/api v0.36.3 by `oracle/run.sh table`; not to be edited.
//! A field is `name` (scalar, map or struct), `name*` (pointer), `name[]` (list that a patch replaces),
//! `name[+]` (list of scalars that a patch adds to) or `name[key]` (list merged by key); `:n` is the number
//! of the type that the field or its elements have. Text, because text is what takes least room in the wasm.

pub(super) static TYPES: &[&str] = &[
    // 0 Pod
    "kind apiVersion metadata:1 spec:2 status:3",
    // 1 ObjectMeta
    "name generateName namespace selfLink uid resourceVersion generation creationTimestamp \
     deletionTimestamp* deletionGracePeriodSeconds* labels annotations ownerReferences[uid]:4 \
     finalizers[+] managedFields[]:5",
    // 2 PodSpec
    "volumes[name]:6 initContainers[name]:7 containers[name]:7 ephemeralContainers[name]:8 \
     restartPolicy terminationGracePeriodSeconds* activeDeadlineSeconds* dnsPolicy nodeSelector \
     serviceAccountName serviceAccount automountServiceAccountToken* nodeName hostNetwork hostPID \
     hostIPC shareProcessNamespace* securityContext*:9 imagePullSecrets[name]:10 hostname subdomain \
     affinity*:11 schedulerName tolerations[]:12 hostAliases[ip]:13 priorityClassName priority* \
     dnsConfig*:14 readinessGates[]:15 runtimeClassName* enableServiceLinks* preemptionPolicy* \
     overhead topologySpreadConstraints[topologyKey]:16 setHostnameAsFQDN* os*:17 hostUsers* \
     schedulingGates[name]:18 resourceClaims[name]:19 resources*:20 hostnameOverride* \
     schedulingGroup*:21",
    // 3 PodStatus
    "observedGeneration phase conditions[type]:22 message reason nominatedNodeName hostIP \
     hostIPs[ip]:23 podIP podIPs[ip]:24 startTime* initContainerStatuses[]:25 containerStatuses[]:25 \
     qosClass ephemeralContainerStatuses[]:25 resize resourceClaimStatuses[name]:26 \
     extendedResourceClaimStatus*:27 allocatedResources resources*:20 \
     nodeAllocatableResourceClaimStatuses[]:28",
    // 4 OwnerReference
    "apiVersion kind name uid controller* blockOwnerDeletion*",
    // 5 ManagedFieldsEntry
    "manager operation apiVersion time* fieldsType fieldsV1* subresource",
    // 6 Volume
    "name hostPath*:29 emptyDir*:30 gcePersistentDisk*:31 awsElasticBlockStore*:32 gitRepo*:33 \
     secret*:34 nfs*:35 iscsi*:36 glusterfs*:37 persistentVolumeClaim*:38 rbd*:39 flexVolume*:40 \
     cinder*:41 cephfs*:42 flocker*:43 downwardAPI*:44 fc*:45 azureFile*:46 configMap*:47 \
     vsphereVolume*:48 quobyte*:49 azureDisk*:50 photonPersistentDisk*:51 projected*:52 \
     portworxVolume*:53 scaleIO*:54 storageos*:55 csi*:56 ephemeral*:57 image*:58",
    // 7 Container
    "name image command[] args[] workingDir ports[containerPort]:59 envFrom[]:60 env[name]:61 \
     resources:20 resizePolicy[]:62 restartPolicy* restartPolicyRules[]:63 volumeMounts[mountPath]:64 \
     volumeDevices[devicePath]:65 livenessProbe*:66 readinessProbe*:66 startupProbe*:66 lifecycle*:67 \
     terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext*:68 stdin \
     stdinOnce tty",
    // 8 EphemeralContainer
    "name image command[] args[] workingDir ports[containerPort]:59 envFrom[]:60 env[name]:61 \
     resources:20 resizePolicy[]:62 restartPolicy* restartPolicyRules[]:63 volumeMounts[mountPath]:64 \
     volumeDevices[devicePath]:65 livenessProbe*:66 readinessProbe*:66 startupProbe*:66 lifecycle*:67 \
     terminationMessagePath terminationMessagePolicy imagePullPolicy securityContext*:68 stdin \
     stdinOnce tty targetContainerName",
    // 9 PodSecurityContext
    "seLinuxOptions*:69 windowsOptions*:70 runAsUser* runAsGroup* runAsNonRoot* supplementalGroups[] \
     supplementalGroupsPolicy* fsGroup* sysctls[]:71 fsGroupChangePolicy* seccompProfile*:72 \
     appArmorProfile*:73 seLinuxChangePolicy*",
    // 10 LocalObjectReference
    "name",
    // 11 Affinity
    "nodeAffinity*:74 podAffinity*:75 podAntiAffinity*:76",
    // 12 Toleration
    "key operator value effect tolerationSeconds*",
    // 13 HostAlias
    "ip hostnames[]",
    // 14 PodDNSConfig
    "nameservers[] searches[] options[]:77",
    // 15 PodReadinessGate
    "conditionType",
    // 16 TopologySpreadConstraint
    "maxSkew topologyKey whenUnsatisfiable labelSelector*:78 minDomains* nodeAffinityPolicy* \
     nodeTaintsPolicy* matchLabelKeys[]",
    // 17 PodOS
    "name",
    // 18 PodSchedulingGate
    "name",
    // 19 PodResourceClaim
    "name resourceClaimName* resourceClaimTemplateName*",
    // 20 ResourceRequirements
    "limits requests claims[]:79",
    // 21 PodSchedulingGroup
    "podGroupName*",
    // 22 PodCondition
    "type observedGeneration status lastProbeTime lastTransitionTime reason message",
    // 23 HostIP
    "ip",
    // 24 PodIP
    "ip",
    // 25 ContainerStatus
    "name state:80 lastState:80 ready restartCount image imageID containerID started* \
     allocatedResources resources*:20 volumeMounts[mountPath]:81 user*:82 \
     allocatedResourcesStatus[name]:83 stopSignal*",
    // 26 PodResourceClaimStatus
    "name resourceClaimName*",
    // 27 PodExtendedResourceClaimStatus
    "requestMappings[]:84 resourceClaimName",
    // 28 NodeAllocatableResourceClaimStatus
    "resourceClaimName containers[] resources",
    // 29 HostPathVolumeSource
    "path type*",
    // 30 EmptyDirVolumeSource
    "medium sizeLimit*:85",
    // 31 GCEPersistentDiskVolumeSource
    "pdName fsType partition readOnly",
    // 32 AWSElasticBlockStoreVolumeSource
    "volumeID fsType partition readOnly",
    // 33 GitRepoVolumeSource
    "repository revision directory",
    // 34 SecretVolumeSource
    "secretName items[]:86 defaultMode* optional*",
    // 35 NFSVolumeSource
    "server path readOnly",
    // 36 ISCSIVolumeSource
    "targetPortal iqn lun iscsiInterface fsType readOnly portals[] chapAuthDiscovery chapAuthSession \
     secretRef*:10 initiatorName*",
    // 37 GlusterfsVolumeSource
    "endpoints path readOnly",
    // 38 PersistentVolumeClaimVolumeSource
    "claimName readOnly",
    // 39 RBDVolumeSource
    "monitors[] image fsType pool user keyring secretRef*:10 readOnly",
    // 40 FlexVolumeSource
    "driver fsType secretRef*:10 readOnly options",
    // 41 CinderVolumeSource
    "volumeID fsType readOnly secretRef*:10",
    // 42 CephFSVolumeSource
    "monitors[] path user secretFile secretRef*:10 readOnly",
    // 43 FlockerVolumeSource
    "datasetName datasetUUID",
    // 44 DownwardAPIVolumeSource
    "items[]:87 defaultMode*",
    // 45 FCVolumeSource
    "targetWWNs[] lun* fsType readOnly wwids[]",
    // 46 AzureFileVolumeSource
    "secretName shareName readOnly",
    // 47 ConfigMapVolumeSource
    "name items[]:86 defaultMode* optional*",
    // 48 VsphereVirtualDiskVolumeSource
    "volumePath fsType storagePolicyName storagePolicyID",
    // 49 QuobyteVolumeSource
    "registry volume readOnly user group tenant",
    // 50 AzureDiskVolumeSource
    "diskName diskURI cachingMode* fsType* readOnly* kind*",
    // 51 PhotonPersistentDiskVolumeSource
    "pdID fsType",
    // 52 ProjectedVolumeSource
    "sources[]:88 defaultMode*",
    // 53 PortworxVolumeSource
    "volumeID fsType readOnly",
    // 54 ScaleIOVolumeSource
    "gateway system secretRef*:10 sslEnabled protectionDomain storagePool storageMode volumeName \
     fsType readOnly",
    // 55 StorageOSVolumeSource
    "volumeName volumeNamespace fsType readOnly secretRef*:10",
    // 56 CSIVolumeSource
    "driver readOnly* fsType* volumeAttributes nodePublishSecretRef*:10",
    // 57 EphemeralVolumeSource
    "volumeClaimTemplate*:89",
    // 58 ImageVolumeSource
    "reference pullPolicy",
    // 59 ContainerPort
    "name hostPort containerPort protocol hostIP",
    // 60 EnvFromSource
    "prefix configMapRef*:90 secretRef*:91",
    // 61 EnvVar
    "name value valueFrom*:92",
    // 62 ContainerResizePolicy
    "resourceName restartPolicy",
    // 63 ContainerRestartRule
    "action exitCodes*:93",
    // 64 VolumeMount
    "name readOnly recursiveReadOnly* mountPath subPath mountPropagation* subPathExpr",
    // 65 VolumeDevice
    "name devicePath",
    // 66 Probe
    "exec*:94 httpGet*:95 tcpSocket*:96 grpc*:97 initialDelaySeconds timeoutSeconds periodSeconds \
     successThreshold failureThreshold terminationGracePeriodSeconds*",
    // 67 Lifecycle
    "postStart*:98 preStop*:98 stopSignal*",
    // 68 SecurityContext
    "capabilities*:99 privileged* seLinuxOptions*:69 windowsOptions*:70 runAsUser* runAsGroup* \
     runAsNonRoot* readOnlyRootFilesystem* allowPrivilegeEscalation* procMount* seccompProfile*:72 \
     appArmorProfile*:73",
    // 69 SELinuxOptions
    "user role type level",
    // 70 WindowsSecurityContextOptions
    "gmsaCredentialSpecName* gmsaCredentialSpec* runAsUserName* hostProcess*",
    // 71 Sysctl
    "name value",
    // 72 SeccompProfile
    "type localhostProfile*",
    // 73 AppArmorProfile
    "type localhostProfile*",
    // 74 NodeAffinity
    "requiredDuringSchedulingIgnoredDuringExecution*:100 \
     preferredDuringSchedulingIgnoredDuringExecution[]:101",
    // 75 PodAffinity
    "requiredDuringSchedulingIgnoredDuringExecution[]:102 \
     preferredDuringSchedulingIgnoredDuringExecution[]:103",
    // 76 PodAntiAffinity
    "requiredDuringSchedulingIgnoredDuringExecution[]:102 \
     preferredDuringSchedulingIgnoredDuringExecution[]:103",
    // 77 PodDNSConfigOption
    "name value*",
    // 78 LabelSelector
    "matchLabels matchExpressions[]:104",
    // 79 ResourceClaim
    "name request",
    // 80 ContainerState
    "waiting*:105 running*:106 terminated*:107",
    // 81 VolumeMountStatus
    "name mountPath readOnly recursiveReadOnly* volumeStatus*:108",
    // 82 ContainerUser
    "linux*:109",
    // 83 ResourceStatus
    "name resources[]:110",
    // 84 ContainerExtendedResourceRequest
    "containerName resourceName requestName",
    // 85 Quantity
    "Format",
    // 86 KeyToPath
    "key path mode*",
    // 87 DownwardAPIVolumeFile
    "path fieldRef*:111 resourceFieldRef*:112 mode*",
    // 88 VolumeProjection
    "secret*:113 downwardAPI*:114 configMap*:115 serviceAccountToken*:116 clusterTrustBundle*:117 \
     podCertificate*:118",
    // 89 PersistentVolumeClaimTemplate
    "metadata:1 spec:119",
    // 90 ConfigMapEnvSource
    "name optional*",
    // 91 SecretEnvSource
    "name optional*",
    // 92 EnvVarSource
    "fieldRef*:111 resourceFieldRef*:112 configMapKeyRef*:120 secretKeyRef*:121 fileKeyRef*:122",
    // 93 ContainerRestartRuleOnExitCodes
    "operator values[]",
    // 94 ExecAction
    "command[]",
    // 95 HTTPGetAction
    "path port:123 host scheme httpHeaders[]:124",
    // 96 TCPSocketAction
    "port:123 host",
    // 97 GRPCAction
    "port service*",
    // 98 LifecycleHandler
    "exec*:94 httpGet*:95 tcpSocket*:96 sleep*:125",
    // 99 Capabilities
    "add[] drop[]",
    // 100 NodeSelector
    "nodeSelectorTerms[]:126",
    // 101 PreferredSchedulingTerm
    "weight preference:126",
    // 102 PodAffinityTerm
    "labelSelector*:78 namespaces[] topologyKey namespaceSelector*:78 matchLabelKeys[] \
     mismatchLabelKeys[]",
    // 103 WeightedPodAffinityTerm
    "weight podAffinityTerm:102",
    // 104 LabelSelectorRequirement
    "key operator values[]",
    // 105 ContainerStateWaiting
    "reason message",
    // 106 ContainerStateRunning
    "startedAt",
    // 107 ContainerStateTerminated
    "exitCode signal reason message startedAt finishedAt containerID",
    // 108 VolumeStatus
    "image*:127",
    // 109 LinuxContainerUser
    "uid gid supplementalGroups[]",
    // 110 ResourceHealth
    "resourceID health message*",
    // 111 ObjectFieldSelector
    "apiVersion fieldPath",
    // 112 ResourceFieldSelector
    "containerName resource divisor:85",
    // 113 SecretProjection
    "name items[]:86 optional*",
    // 114 DownwardAPIProjection
    "items[]:87",
    // 115 ConfigMapProjection
    "name items[]:86 optional*",
    // 116 ServiceAccountTokenProjection
    "audience expirationSeconds* path",
    // 117 ClusterTrustBundleProjection
    "name* signerName* labelSelector*:78 optional* path",
    // 118 PodCertificateProjection
    "signerName keyType maxExpirationSeconds* credentialBundlePath keyPath certificateChainPath \
     userAnnotations",
    // 119 PersistentVolumeClaimSpec
    "accessModes[] selector*:78 resources:128 volumeName storageClassName* volumeMode* \
     dataSource*:129 dataSourceRef*:130 volumeAttributesClassName*",
    // 120 ConfigMapKeySelector
    "name key optional*",
    // 121 SecretKeySelector
    "name key optional*",
    // 122 FileKeySelector
    "volumeName path key optional*",
    // 123 IntOrString
    "Type IntVal StrVal",
    // 124 HTTPHeader
    "name value",
    // 125 SleepAction
    "seconds",
    // 126 NodeSelectorTerm
    "matchExpressions[]:131 matchFields[]:131",
    // 127 ImageVolumeStatus
    "imageRef",
    // 128 VolumeResourceRequirements
    "limits requests",
    // 129 TypedLocalObjectReference
    "apiGroup* kind name",
    // 130 TypedObjectReference
    "apiGroup* kind name namespace*",
    // 131 NodeSelectorRequirement
    "key operator values[]",
];
