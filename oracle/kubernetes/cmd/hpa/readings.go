package main

import (
	"context"
	"errors"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	customapi "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalapi "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	metricsapi "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	customclient "k8s.io/metrics/pkg/client/custom_metrics"
	externalclient "k8s.io/metrics/pkg/client/external_metrics"
)

// readings are what the three metrics APIs answer in a step; values in thousandths.
type readings struct {
	Resources resources `json:"resources"`
	Custom    []custom  `json:"custom"`
}

type resources struct {
	Error string     `json:"error"`
	Pods  []podUsage `json:"pods"`
}

type podUsage struct {
	Pod        string `json:"pod"`
	At         int64  `json:"at"`
	Window     int64  `json:"window"`
	Containers []struct {
		Name  string           `json:"name"`
		Usage map[string]int64 `json:"usage"`
	} `json:"containers"`
}

// custom is one metric of the custom or the external metrics API.
type custom struct {
	Name   string  `json:"name"`
	Error  string  `json:"error"`
	Values []value `json:"values"`
}

type value struct {
	// Pod is set for a metric of pods.
	Pod   string `json:"pod"`
	Value int64  `json:"value"`
}

func (w *cluster) custom(name string) (custom, error) {
	for _, c := range w.now.Readings.Custom {
		if c.Name == name {
			return c, failure(c.Error)
		}
	}
	return custom{}, errors.New("no such metric")
}

type podMetricses struct {
	resourceclient.PodMetricsInterface
	world *cluster
}

func (p podMetricses) PodMetricses(string) resourceclient.PodMetricsInterface { return p }

func (p podMetricses) List(context.Context, metav1.ListOptions) (*metricsapi.PodMetricsList, error) {
	read := p.world.now.Readings.Resources
	if err := failure(read.Error); err != nil {
		return nil, err
	}
	list := &metricsapi.PodMetricsList{}
	for _, u := range read.Pods {
		item := metricsapi.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{Name: u.Pod, Namespace: namespace},
			Timestamp:  p.world.time(u.At),
			Window:     metav1.Duration{Duration: time.Duration(u.Window) * time.Millisecond},
		}
		for _, c := range u.Containers {
			usage := v1.ResourceList{}
			for name, milli := range c.Usage {
				usage[v1.ResourceName(name)] = *quantity(milli)
			}
			item.Containers = append(item.Containers, metricsapi.ContainerMetrics{Name: c.Name, Usage: usage})
		}
		list.Items = append(list.Items, item)
	}
	return list, nil
}

type customMetrics struct {
	customclient.MetricsInterface
	world *cluster
}

func (c customMetrics) RootScopedMetrics() customclient.MetricsInterface { return c }

func (c customMetrics) NamespacedMetrics(string) customclient.MetricsInterface { return c }

func (c customMetrics) GetForObject(_ schema.GroupKind, _ string, name string, _ labels.Selector) (*customapi.MetricValue, error) {
	read, err := c.world.custom(name)
	if err != nil {
		return nil, err
	}
	return &customapi.MetricValue{Value: *quantity(read.Values[0].Value)}, nil
}

func (c customMetrics) GetForObjects(_ schema.GroupKind, _ labels.Selector, name string, _ labels.Selector) (*customapi.MetricValueList, error) {
	read, err := c.world.custom(name)
	if err != nil {
		return nil, err
	}
	list := &customapi.MetricValueList{}
	for _, v := range read.Values {
		list.Items = append(list.Items, customapi.MetricValue{
			DescribedObject: v1.ObjectReference{Name: v.Pod},
			Value:           *quantity(v.Value),
		})
	}
	return list, nil
}

type externalMetrics struct {
	externalclient.MetricsInterface
	world *cluster
}

func (e externalMetrics) NamespacedMetrics(string) externalclient.MetricsInterface { return e }

func (e externalMetrics) List(name string, _ labels.Selector) (*externalapi.ExternalMetricValueList, error) {
	read, err := e.world.custom(name)
	if err != nil {
		return nil, err
	}
	list := &externalapi.ExternalMetricValueList{}
	for _, v := range read.Values {
		list.Items = append(list.Items, externalapi.ExternalMetricValue{Value: *quantity(v.Value)})
	}
	return list, nil
}

func quantity(milli int64) *resource.Quantity {
	return resource.NewMilliQuantity(milli, resource.DecimalSI)
}
